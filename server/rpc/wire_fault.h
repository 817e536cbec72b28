// What is wrong with bytes that do not parse as a message.
#ifndef ELDR_SERVER_RPC_WIRE_FAULT_H_
#define ELDR_SERVER_RPC_WIRE_FAULT_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/zero_copy_stream.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace eldr {

// As deep as the parser goes.
inline constexpr int kMostMessageDepth = 100;

// The parser only says that it failed. This names the field, for the one who has to find the fault.
struct WireFault {
  // The first fault: "place.request_id: got text that is not UTF-8 at byte 1, expected UTF-8".
  std::string what;
  // The value of field 1, if that is a whole number and the bytes still tell it: it was read, or
  // all fields of the message could be told apart and none was field 1, which makes it 0.
  std::optional<std::uint64_t> id;
};

// Reads `size` bytes as fields of `type`, which the parser refused. Takes time by the size, and a
// bounded stack. For a caller's mistakes only: nothing on the way of a valid message comes here.
WireFault FindWireFault(const google::protobuf::Descriptor& type,
                        google::protobuf::io::ZeroCopyInputStream& bytes, std::size_t size);

}  // namespace eldr

#endif  // ELDR_SERVER_RPC_WIRE_FAULT_H_
