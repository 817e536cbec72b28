// Writes JSON, field by field.
#ifndef ELDR_SERVER_PAGE_JSON_WRITER_H_
#define ELDR_SERVER_PAGE_JSON_WRITER_H_

#include <google/protobuf/message.h>

#include <concepts>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace eldr {

// A message as protobuf's JSON: names as in the .proto, zeros included, on one line.
std::string ProtoJson(const google::protobuf::Message& message);

//   JsonWriter json;
//   json.BeginObject();
//   json.Field("load", 3);
//   json.Key("names").BeginArray().Value("a").End().End();
//   std::move(json).Take();  // {"load":3,"names":["a"]}
//
// Puts the commas; that objects get keys and what is begun is ended is the caller's part.
class JsonWriter {
 public:
  JsonWriter& BeginObject() { return Begin('{', '}'); }
  JsonWriter& BeginArray() { return Begin('[', ']'); }
  // Ends the object or array that was begun last.
  JsonWriter& End();
  JsonWriter& Key(absl::string_view name);

  JsonWriter& Value(absl::string_view text);
  JsonWriter& Value(const char* text) { return Value(absl::string_view(text)); }
  JsonWriter& Value(const std::string& text) { return Value(absl::string_view(text)); }
  JsonWriter& Value(bool flag) { return Raw(flag ? "true" : "false"); }
  // The shortest text that reads back as the same number; null if it is not finite.
  JsonWriter& Value(double number);
  JsonWriter& Value(float number);
  template <std::integral Integer>
  JsonWriter& Value(Integer number) {
    return Raw(std::to_string(number));
  }
  // null if there is none.
  template <typename T>
  JsonWriter& Value(const std::optional<T>& value) {
    return value.has_value() ? Value(*value) : Null();
  }
  JsonWriter& Null() { return Raw("null"); }
  // What is JSON already.
  JsonWriter& Raw(absl::string_view json);

  template <typename T>
  JsonWriter& Field(absl::string_view name, const T& value) {
    return Key(name).Value(value);
  }

  std::string Take() && { return std::move(text_); }

 private:
  JsonWriter& Begin(char open, char close);
  void Separate();

  std::string text_;
  std::string ends_;          // of what is open
  bool needs_comma_ = false;  // before the next key or value
};

}  // namespace eldr

#endif  // ELDR_SERVER_PAGE_JSON_WRITER_H_
