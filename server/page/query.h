// What a request of the API asks for: the part of the URL behind the '?'.
#ifndef ELDR_SERVER_PAGE_QUERY_H_
#define ELDR_SERVER_PAGE_QUERY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace eldr {

// "FIELD: got "VALUE", expected EXPECTED", which ErrorJson() takes apart again.
absl::Status RefuseField(absl::StatusCode code, absl::string_view field, absl::string_view value,
                         absl::string_view expected);
// The body of an answer that is an error; see docs/api.md.
std::string ErrorJson(const absl::Status& error);
// The HTTP status that goes with it.
int HttpStatusOf(absl::StatusCode code);

class Query {
 public:
  // `text` as "a=1&b=x%20y"; a '+' is a blank. INVALID_ARGUMENT if it is malformed, or a name comes
  // twice.
  static absl::StatusOr<Query> Parse(absl::string_view text);

  // INVALID_ARGUMENT if a name was given that is none of `known`.
  absl::Status CheckKnown(const std::set<std::string>& known) const;

  // Empty if it is not given.
  absl::string_view Text(absl::string_view name) const;
  // INVALID_ARGUMENT if it is not given, or empty. `expected` for the message.
  absl::StatusOr<std::string> Required(absl::string_view name, absl::string_view expected) const;
  // Nothing if it is not given. INVALID_ARGUMENT if it is no whole number from `least` to `most`.
  absl::StatusOr<std::optional<std::uint64_t>> Number(absl::string_view name, std::uint64_t least,
                                                      std::uint64_t most) const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace eldr

#endif  // ELDR_SERVER_PAGE_QUERY_H_
