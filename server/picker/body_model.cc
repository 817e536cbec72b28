#include "server/picker/body_model.h"

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace eldr::picker {
namespace {

// Watches the events of a parse for a string named "model" in the outermost object.
class ModelFinder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return Other(); }
  bool boolean(bool) override { return Other(); }
  bool number_integer(std::int64_t) override { return Other(); }
  bool number_unsigned(std::uint64_t) override { return Other(); }
  bool number_float(double, const std::string&) override { return Other(); }
  bool binary(nlohmann::json::binary_t&) override { return Other(); }
  bool string(std::string& value) override {
    if (AtModel()) model = value;
    named_ = false;
    return true;
  }
  bool start_object(std::size_t) override {
    if (depth_ == 0) object = true;
    ++depth_;
    named_ = false;
    return true;
  }
  bool end_object() override { return Close(); }
  bool start_array(std::size_t) override {
    ++depth_;
    named_ = false;
    return true;
  }
  bool end_array() override { return Close(); }
  bool key(std::string& name) override {
    named_ = depth_ == 1 && name == "model";
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    error_at = position;
    return false;
  }

  std::string model;
  bool object = false;
  std::size_t error_at = 0;

 private:
  bool AtModel() const { return named_ && depth_ == 1 && object; }
  bool Other() {
    named_ = false;
    return true;
  }
  bool Close() {
    --depth_;
    return true;
  }

  std::size_t depth_ = 0;
  bool named_ = false;
};

}  // namespace

absl::StatusOr<std::string> ModelOf(absl::string_view body) {
  ModelFinder finder;
  if (!nlohmann::json::sax_parse(body.begin(), body.end(), &finder)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the body is not JSON (at byte ", finder.error_at, ")"));
  }
  if (!finder.object) return absl::InvalidArgumentError("the body is not a JSON object");
  if (finder.model.empty()) {
    return absl::InvalidArgumentError("model: missing in the body, expected a string");
  }
  return finder.model;
}

}  // namespace eldr::picker
