#include "server/page/json_writer.h"

#include <google/protobuf/util/json_util.h>

#include <charconv>
#include <cmath>

#include "server/base/json_string.h"

namespace eldr {
namespace {

template <typename Number>
std::string NumberText(Number number) {
  if (!std::isfinite(number)) return "null";
  char text[32];
  const auto end = std::to_chars(text, text + sizeof(text), number).ptr;
  return std::string(text, end);
}

}  // namespace

std::string ProtoJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string json;
  // It fails for messages that no proto of ours can be, such as an Any of an unknown type.
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  return status.ok() ? json : "null";
}

void JsonWriter::Separate() {
  if (needs_comma_) text_ += ',';
  needs_comma_ = true;
}

JsonWriter& JsonWriter::Begin(char open, char close) {
  Separate();
  text_ += open;
  ends_ += close;
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::End() {
  text_ += ends_.back();
  ends_.pop_back();
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::Key(absl::string_view name) {
  Separate();
  text_ += JsonString(name);
  text_ += ':';
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::Value(absl::string_view text) { return Raw(JsonString(text)); }
JsonWriter& JsonWriter::Value(double number) { return Raw(NumberText(number)); }
JsonWriter& JsonWriter::Value(float number) { return Raw(NumberText(number)); }

JsonWriter& JsonWriter::Raw(absl::string_view json) {
  Separate();
  text_.append(json.data(), json.size());
  return *this;
}

}  // namespace eldr
