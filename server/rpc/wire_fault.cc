#include "server/rpc/wire_fault.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/stubs/common.h>
#include <google/protobuf/wire_format_lite.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace eldr {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;

// Goes through the fields, remembers the first fault, and goes on where the bytes allow.
class Walk {
 public:
  Walk(google::protobuf::io::ZeroCopyInputStream& bytes, std::size_t size) : in_(&bytes) {
    in_.PushLimit(static_cast<int>(size));
  }

  WireFault Run(const Descriptor& type) {
    const bool whole = Fields(type, "", 0);
    if (fault_.what.empty()) fault_.what = absl::StrCat("got bytes that are no ", type.name());
    if (whole && !fault_.id.has_value()) fault_.id = 0;
    return std::move(fault_);
  }

 private:
  // Reads fields up to the limit. False if it could not tell them apart to the end.
  bool Fields(const Descriptor& type, const std::string& path, int depth) {
    while (in_.BytesUntilLimit() > 0) {
      const int at = in_.CurrentPosition();
      const std::uint32_t tag = in_.ReadTag();
      const int number = WireFormatLite::GetTagFieldNumber(tag);
      if (number == 0) {
        return Fault(path, absl::StrCat("got no field at byte ", at, ", expected protobuf"));
      }
      const FieldDescriptor* const field = type.FindFieldByNumber(number);
      const std::string name = absl::StrCat(
          path, path.empty() ? "" : ".", field == nullptr ? absl::StrCat(number) : field->name());
      if (!Field(field, tag, name, depth)) return false;
    }
    return true;
  }

  bool Field(const FieldDescriptor* field, std::uint32_t tag, const std::string& name, int depth) {
    switch (WireFormatLite::GetTagWireType(tag)) {
      case WireFormatLite::WIRETYPE_LENGTH_DELIMITED:
        return Delimited(field, name, depth);
      case WireFormatLite::WIRETYPE_VARINT: {
        google::protobuf::uint64 value = 0;
        if (!in_.ReadVarint64(&value)) return Fault(name, "got a number that is cut off");
        if (depth == 0 && WireFormatLite::GetTagFieldNumber(tag) == 1) fault_.id = value;
        return true;
      }
      default:
        // Fixed numbers; groups, which no message of ours has.
        return WireFormatLite::SkipField(&in_, tag) || Fault(name, "got a field that is cut off");
    }
  }

  // Text, bytes, a message, or a field that is not known.
  bool Delimited(const FieldDescriptor* field, const std::string& name, int depth) {
    google::protobuf::uint32 length = 0;
    if (!in_.ReadVarint32(&length)) return Fault(name, "got a length that is cut off");
    const auto left = static_cast<std::uint32_t>(in_.BytesUntilLimit());
    if (length > left) {
      return Fault(
          name, absl::StrCat("got ", left, " of the ", length, " bytes that its length announces"));
    }
    const int size = static_cast<int>(length);
    if (field != nullptr && field->type() == FieldDescriptor::TYPE_STRING) return Text(name, size);
    if (field == nullptr || field->type() != FieldDescriptor::TYPE_MESSAGE) return in_.Skip(size);
    if (depth == kMostMessageDepth) {
      return Fault(name, absl::StrCat("got messages nested deeper than ", kMostMessageDepth));
    }
    const auto limit = in_.PushLimit(size);
    // What cannot be told apart inside ends where the message ends.
    if (!Fields(*field->message_type(), name, depth + 1)) in_.Skip(in_.BytesUntilLimit());
    in_.PopLimit(limit);
    return true;
  }

  bool Text(const std::string& name, int size) {
    std::string text;
    if (!in_.ReadString(&text, size)) return Fault(name, "got text that is cut off");
    const int valid = google::protobuf::internal::UTF8SpnStructurallyValid(text);
    if (valid < size) {
      Fault(name, absl::StrCat("got text that is not UTF-8 at byte ", valid, ", expected UTF-8"));
    }
    return true;
  }

  // Keeps the first. False, for returns.
  bool Fault(const std::string& name, absl::string_view what) {
    if (fault_.what.empty()) fault_.what = absl::StrCat(name, name.empty() ? "" : ": ", what);
    return false;
  }

  google::protobuf::io::CodedInputStream in_;
  WireFault fault_;
};

}  // namespace

WireFault FindWireFault(const Descriptor& type, google::protobuf::io::ZeroCopyInputStream& bytes,
                        std::size_t size) {
  return Walk(bytes, size).Run(type);
}

}  // namespace eldr
