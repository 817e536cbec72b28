// A message as a client sent it: parsed, or what is wrong with it.
#ifndef ELDR_SERVER_RPC_RECEIVED_H_
#define ELDR_SERVER_RPC_RECEIVED_H_

#include <google/protobuf/message.h>
#include <grpcpp/impl/codegen/serialization_traits.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"

namespace eldr {

// What could not be read of a message; OK if all could.
struct ReadFault {
  // INVALID_ARGUMENT that names the field.
  absl::Status status;
  // WireFault::id.
  std::optional<std::uint64_t> id;
};

// Parses `bytes`, which are empty afterwards; not those that would take far more memory than their
// size (message_parts.h).
ReadFault ReadMessage(grpc::ByteBuffer& bytes, google::protobuf::Message& message);

// Takes the place of Message as the type of what a method receives. gRPC parses messages before it
// calls a method, and what does not parse never comes to it: a unary call is then answered
// UNIMPLEMENTED without a word, and a stream looks as if its client had half-closed. Of this type
// every message is read well, and the method answers for what is wrong with it.
template <typename Message>
class Received {
 public:
  const absl::Status& status() const { return fault_.status; }
  // The number that an element of a stream gave itself in its field 1, of what is not OK.
  std::optional<std::uint64_t> id() const { return fault_.id; }
  // Part of what was sent, or nothing, if status() is not OK.
  const Message& message() const { return message_; }
  Message& message() { return message_; }

  void Read(grpc::ByteBuffer& bytes) {
    large_ = bytes.Valid() && bytes.Length() > kSmall;
    fault_ = ReadMessage(bytes, message_);
  }

  // Gives back the memory of a message that has been acted upon, unless it is small. gRPC keeps
  // what a call received until its answer is on the way, of thousands of calls at a time; and it
  // hands it over as const, though it is the method's alone.
  void Discard() const {
    if (large_) message_ = Message();
  }

 private:
  static constexpr std::size_t kSmall = 4096;  // bytes, as it was sent

  mutable Message message_;
  ReadFault fault_;
  bool large_ = false;
};

}  // namespace eldr

namespace grpc {

template <typename Message>
class SerializationTraits<eldr::Received<Message>, void> {
 public:
  static Status Deserialize(ByteBuffer* bytes, eldr::Received<Message>* received) {
    received->Read(*bytes);
    return Status::OK;
  }
};

}  // namespace grpc

#endif  // ELDR_SERVER_RPC_RECEIVED_H_
