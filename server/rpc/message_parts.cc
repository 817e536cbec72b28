#include "server/rpc/message_parts.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"

namespace eldr {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;

class Count {
 public:
  Count(google::protobuf::io::ZeroCopyInputStream& bytes, std::size_t size) : in_(&bytes) {
    in_.PushLimit(static_cast<int>(size));
  }

  std::optional<WireFault> Run(const Descriptor& type) {
    Fields(type, 0);
    if (parts_ <= kMostMessageParts) return std::nullopt;
    WireFault fault;
    fault.what = absl::StrCat(
        name_.empty() ? "" : absl::StrCat(name_, ": "), "got more than ", kMostMessageParts,
        " parts in one message, expected at most so many texts, byte strings and messages in it");
    fault.id = id_;
    return fault;
  }

 private:
  // False once there is no more to count: a fault, or too many.
  bool Fields(const Descriptor& type, int depth) {
    while (in_.BytesUntilLimit() > 0) {
      const std::uint32_t tag = in_.ReadTag();
      if (tag == 0) return false;
      const int number = WireFormatLite::GetTagFieldNumber(tag);
      const FieldDescriptor* const field = type.FindFieldByNumber(number);
      if (!Field(field, tag, depth)) {
        if (parts_ > kMostMessageParts) AddName(field, number);
        return false;
      }
    }
    return true;
  }

  bool Field(const FieldDescriptor* field, std::uint32_t tag, int depth) {
    const WireFormatLite::WireType wire_type = WireFormatLite::GetTagWireType(tag);
    if (!IsNumber(field, wire_type) && ++parts_ > kMostMessageParts) return false;
    switch (wire_type) {
      case WireFormatLite::WIRETYPE_LENGTH_DELIMITED:
        return Delimited(field, depth);
      case WireFormatLite::WIRETYPE_VARINT: {
        google::protobuf::uint64 value = 0;
        if (!in_.ReadVarint64(&value)) return false;
        if (depth == 0 && WireFormatLite::GetTagFieldNumber(tag) == 1) id_ = value;
        return true;
      }
      case WireFormatLite::WIRETYPE_START_GROUP:
      case WireFormatLite::WIRETYPE_END_GROUP:
        return true;  // which no message of ours has; what is in one counts for itself
      default:
        return WireFormatLite::SkipField(&in_, tag);
    }
  }

  // Numbers take no more memory than some bytes each. All else is a part; a field that is not
  // known, or of another type than it should be, is kept as well.
  static bool IsNumber(const FieldDescriptor* field, WireFormatLite::WireType wire_type) {
    if (field == nullptr) return false;
    const FieldDescriptor::CppType type = field->cpp_type();
    return type != FieldDescriptor::CPPTYPE_STRING && type != FieldDescriptor::CPPTYPE_MESSAGE &&
           (wire_type == WireFormatLite::WIRETYPE_VARINT ||
            wire_type == WireFormatLite::WIRETYPE_FIXED32 ||
            wire_type == WireFormatLite::WIRETYPE_FIXED64);
  }

  bool Delimited(const FieldDescriptor* field, int depth) {
    google::protobuf::uint32 length = 0;
    if (!in_.ReadVarint32(&length)) return false;
    const int left = in_.BytesUntilLimit();
    if (length > static_cast<std::uint32_t>(left)) return false;
    const int size = static_cast<int>(length);
    if (field == nullptr || field->type() != FieldDescriptor::TYPE_MESSAGE) return in_.Skip(size);
    if (depth == kMostMessageDepth) return false;
    const auto limit = in_.PushLimit(size);
    const bool whole = Fields(*field->message_type(), depth + 1);
    in_.PopLimit(limit);
    return whole;
  }

  // From the inside out.
  void AddName(const FieldDescriptor* field, int number) {
    const std::string outer = field == nullptr ? absl::StrCat(number) : field->name();
    name_ = absl::StrCat(outer, name_.empty() ? "" : ".", name_);
  }

  google::protobuf::io::CodedInputStream in_;
  std::size_t parts_ = 0;
  std::string name_;
  std::optional<std::uint64_t> id_;
};

}  // namespace

std::optional<WireFault> FindTooManyParts(const Descriptor& type,
                                          google::protobuf::io::ZeroCopyInputStream& bytes,
                                          std::size_t size) {
  if (size <= kMostMessageParts) return std::nullopt;  // a part takes a byte at least
  return Count(bytes, size).Run(type);
}

}  // namespace eldr
