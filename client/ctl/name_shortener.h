// Names of one fleet in a column that is too narrow for them.
#ifndef ELDR_CLIENT_CTL_NAME_SHORTENER_H_
#define ELDR_CLIENT_CTL_NAME_SHORTENER_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace eldr::ctl {

// Cuts names to a width so that they stay apart: what all long ones begin and end with, a pool's
// name or a domain, goes before what tells them apart. A `~` stands for what was left out.
class NameShortener {
 public:
  // `width`, in bytes, is at least 4.
  NameShortener(const std::vector<absl::string_view>& names, std::size_t width);

  // At most the width, of any name; a name that is not too long as it is.
  std::string Shorten(absl::string_view name) const;

 private:
  std::size_t width_;
  std::size_t head_ = 0;  // bytes that all long names begin with
  std::size_t tail_ = 0;  // and end with
};

}  // namespace eldr::ctl

#endif  // ELDR_CLIENT_CTL_NAME_SHORTENER_H_
