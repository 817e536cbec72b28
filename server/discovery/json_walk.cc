#include "server/discovery/json_walk.h"

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace eldr {
namespace {

constexpr std::size_t kMaxDepth = 16;
constexpr std::size_t kMostOfReason = 200;

// Keeps the path of what is being read. Every handler returns whether to go on.
class Walker final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit Walker(JsonVisitor& visitor) : visitor_(visitor) {}

  const absl::Status& status() const { return status_; }

  bool null() override { return true; }
  bool boolean(bool value) override { return Value(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { return Value(absl::StrCat(value)); }
  bool number_unsigned(number_unsigned_t value) override { return Value(absl::StrCat(value)); }
  bool number_float(number_float_t, const string_t& text) override { return Value(text); }
  bool string(string_t& text) override { return Value(text); }
  bool binary(binary_t&) override { return true; }

  bool start_object(std::size_t) override { return Begin(false); }
  bool end_object() override { return End(); }
  bool start_array(std::size_t) override { return Begin(true); }
  bool end_array() override { return End(); }
  bool key(string_t& text) override {
    key_ = std::move(text);
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    absl::string_view what(error.what());
    // Without the library's own name of the error, "[json.exception...] ".
    if (const std::size_t end = what.find("] "); end != absl::string_view::npos) {
      what.remove_prefix(end + 2);
    }
    status_ = absl::InvalidArgumentError(absl::StrCat(
        "byte ", position, ": no JSON (", absl::CHexEscape(what.substr(0, kMostOfReason)), ")"));
    return false;
  }

 private:
  struct Frame {
    std::size_t path_bytes;  // of what it is in
    bool is_list;
  };

  bool IsSeen() const { return depth_ <= kMaxDepth; }

  bool Begin(bool is_list) {
    ++depth_;
    if (!IsSeen()) return true;
    frames_.push_back({path_.size(), is_list});
    if (frames_.size() > 1 && !frames_[frames_.size() - 2].is_list) {
      absl::StrAppend(&path_, path_.empty() ? "" : ".", key_);
    }
    if (is_list) path_ += "[]";
    visitor_.OnBegin(path_);
    return true;
  }
  bool End() {
    if (IsSeen()) {
      visitor_.OnEnd(path_);
      path_.resize(frames_.back().path_bytes);
      frames_.pop_back();
    }
    --depth_;
    return true;
  }
  bool Value(absl::string_view text) {
    const bool in_object = !frames_.empty() && !frames_.back().is_list;
    if (IsSeen() && in_object) visitor_.OnValue(path_, key_, text);
    return true;
  }

  JsonVisitor& visitor_;
  std::size_t depth_ = 0;
  std::vector<Frame> frames_;
  std::string path_, key_;
  absl::Status status_;
};

}  // namespace

absl::Status WalkJson(absl::string_view text, JsonVisitor& visitor) {
  Walker walker(visitor);
  // What it returns, the walker knows better.
  nlohmann::json::sax_parse(text.begin(), text.end(), &walker);
  return walker.status();
}

}  // namespace eldr
