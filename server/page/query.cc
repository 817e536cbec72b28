#include "server/page/query.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/base/status_macros.h"
#include "server/page/json_writer.h"

namespace eldr {
namespace {

constexpr absl::string_view kGot = ": got \"";
constexpr absl::string_view kExpected = "\", expected ";
// More than any page takes.
constexpr std::size_t kMostParameters = 16;

absl::StatusOr<std::string> DecodePercent(absl::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (i + 2 >= text.size() || !absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 1])) ||
        !absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 2]))) {
      return RefuseField(absl::StatusCode::kInvalidArgument, "query", text.substr(i, 3),
                         "two hexadecimal digits after '%'");
    }
    decoded += absl::HexStringToBytes(text.substr(i + 1, 2));
    i += 2;
  }
  return decoded;
}

}  // namespace

absl::Status RefuseField(absl::StatusCode code, absl::string_view field, absl::string_view value,
                         absl::string_view expected) {
  return absl::Status(code, absl::StrCat(field, kGot, value, kExpected, expected));
}

std::string ErrorJson(const absl::Status& error) {
  const absl::string_view message = error.message();
  JsonWriter json;
  json.BeginObject().Key("error").BeginObject();
  json.Field("code", absl::StatusCodeToString(error.code())).Field("message", message);
  const std::size_t got = message.find(kGot);
  const std::size_t expected = message.rfind(kExpected);
  if (got != absl::string_view::npos && expected != absl::string_view::npos &&
      got + kGot.size() <= expected) {
    json.Field("field", message.substr(0, got));
    json.Field("value", message.substr(got + kGot.size(), expected - got - kGot.size()));
    json.Field("expected", message.substr(expected + kExpected.size()));
  }
  json.End().End();
  return std::move(json).Take();
}

int HttpStatusOf(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
      return 400;
    case absl::StatusCode::kUnauthenticated:
      return 401;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kUnavailable:
      return 503;
    default:
      return 500;
  }
}

absl::StatusOr<Query> Query::Parse(absl::string_view text) {
  Query query;
  for (const absl::string_view part : absl::StrSplit(text, '&', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    std::string name, value;
    ELDR_ASSIGN_OR_RETURN(name, DecodePercent(pair.first));
    ELDR_ASSIGN_OR_RETURN(value, DecodePercent(pair.second));
    if (query.values_.size() == kMostParameters) {
      return RefuseField(absl::StatusCode::kInvalidArgument, "query", name,
                         absl::StrCat("at most ", kMostParameters, " parameters"));
    }
    if (!query.values_.emplace(name, value).second) {
      return RefuseField(absl::StatusCode::kInvalidArgument, name, value,
                         "the parameter only once");
    }
  }
  return query;
}

absl::Status Query::CheckKnown(const std::set<std::string>& known) const {
  for (const auto& [name, value] : values_) {
    if (known.count(name) > 0) continue;
    return RefuseField(
        absl::StatusCode::kInvalidArgument, "query", name,
        known.empty() ? "no parameter" : absl::StrCat("one of: ", absl::StrJoin(known, ", ")));
  }
  return absl::OkStatus();
}

absl::string_view Query::Text(absl::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? absl::string_view() : absl::string_view(found->second);
}

absl::StatusOr<std::string> Query::Required(absl::string_view name,
                                            absl::string_view expected) const {
  const absl::string_view text = Text(name);
  if (text.empty()) {
    return RefuseField(absl::StatusCode::kInvalidArgument, name, "", expected);
  }
  return std::string(text);
}

absl::StatusOr<std::optional<std::uint64_t>> Query::Number(absl::string_view name,
                                                           std::uint64_t least,
                                                           std::uint64_t most) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return std::optional<std::uint64_t>();
  std::uint64_t number = 0;
  // SimpleAtoi also takes signs and blanks.
  const bool digits =
      !found->second.empty() && found->second.find_first_not_of("0123456789") == std::string::npos;
  if (!digits || !absl::SimpleAtoi(found->second, &number) || number < least || number > most) {
    return RefuseField(absl::StatusCode::kInvalidArgument, name, found->second,
                       absl::StrCat("a whole number from ", least, " to ", most));
  }
  return std::optional<std::uint64_t>(number);
}

}  // namespace eldr
