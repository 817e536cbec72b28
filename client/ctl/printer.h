// Where commands write to: a terminal, most likely.
#ifndef ELDR_CLIENT_CTL_PRINTER_H_
#define ELDR_CLIENT_CTL_PRINTER_H_

#include <cstddef>
#include <ostream>
#include <string>
#include <type_traits>

#include "absl/strings/string_view.h"

namespace eldr::ctl {

// `text` as one line of visible characters: control characters, those that change the direction of
// writing or cannot be seen, and bytes that are no UTF-8 become "\n", "\x1b" or "\u202e". A name
// from elsewhere can then neither send the terminal commands nor forge a line of its own.
std::string Printable(absl::string_view text);

// Writes what stands in the program as it is, so that it may hold ends of lines, and every other
// text as Printable() makes it. A copy writes to the same stream, which outlives it.
class Printer {
 public:
  Printer(std::ostream& out) : out_(&out) {}  // NOLINT: any stream will do

  template <std::size_t size>
  Printer& operator<<(const char (&literal)[size]) {
    return Verbatim(absl::string_view(literal, size - 1));
  }
  Printer& operator<<(absl::string_view text) { return Verbatim(Printable(text)); }
  template <
      typename Number,
      std::enable_if_t<std::is_arithmetic_v<Number> && !std::is_same_v<Number, char>, int> = 0>
  Printer& operator<<(Number number) {
    *out_ << number;
    return *this;
  }

  // For text that is fit for a terminal already, such as JSON.
  Printer& Verbatim(absl::string_view text) {
    out_->write(text.data(), static_cast<std::streamsize>(text.size()));
    return *this;
  }
  void Flush() { out_->flush(); }

 private:
  std::ostream* out_;
};

}  // namespace eldr::ctl

#endif  // ELDR_CLIENT_CTL_PRINTER_H_
