// How many parts a message would have in memory, told from its bytes before it is parsed.
#ifndef ELDR_SERVER_RPC_MESSAGE_PARTS_H_
#define ELDR_SERVER_RPC_MESSAGE_PARTS_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/zero_copy_stream.h>

#include <cstddef>
#include <optional>

#include "server/rpc/wire_fault.h"

namespace eldr {

// The most texts, byte strings, messages and unknown fields in a message, at all depths. An empty
// one takes two bytes on the way and some hundred in memory, so the bytes of a message alone do not
// bound what it takes. The largest that is asked for, 10,000 releases with all they may have, has
// 80,000.
inline constexpr std::size_t kMostMessageParts = 100'000;

// What to tell a client whose message of `type` has more than that, with the field that comes after
// the last one allowed; nothing if it has not. Bytes that are no such message count up to their
// first fault, which is as far as the parser comes.
std::optional<WireFault> FindTooManyParts(const google::protobuf::Descriptor& type,
                                          google::protobuf::io::ZeroCopyInputStream& bytes,
                                          std::size_t size);

}  // namespace eldr

#endif  // ELDR_SERVER_RPC_MESSAGE_PARTS_H_
