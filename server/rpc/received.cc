#include "server/rpc/received.h"

#include <grpcpp/support/proto_buffer_reader.h>

#include "absl/strings/str_cat.h"
#include "server/rpc/message_parts.h"
#include "server/rpc/wire_fault.h"

namespace eldr {
namespace {

bool TryParse(grpc::ByteBuffer& bytes, google::protobuf::Message& message) {
  grpc::ProtoBufferReader reader(&bytes);
  return reader.status().ok() && message.ParseFromZeroCopyStream(&reader);
}

std::optional<ReadFault> FindExcess(grpc::ByteBuffer& bytes,
                                    const google::protobuf::Descriptor& type) {
  grpc::ProtoBufferReader reader(&bytes);
  if (!reader.status().ok()) return std::nullopt;
  const std::optional<WireFault> fault = FindTooManyParts(type, reader, bytes.Length());
  if (!fault) return std::nullopt;
  return ReadFault{.status = absl::InvalidArgumentError(fault->what), .id = fault->id};
}

ReadFault FindFault(grpc::ByteBuffer& bytes, const google::protobuf::Descriptor& type) {
  if (!bytes.Valid()) {
    return {.status = absl::InvalidArgumentError(
                absl::StrCat("got no message, expected a ", type.name())),
            .id = std::nullopt};
  }
  grpc::ProtoBufferReader reader(&bytes);
  if (!reader.status().ok()) {
    return {.status = absl::InvalidArgumentError(absl::StrCat(
                "got a message that cannot be decompressed, expected a ", type.name())),
            .id = std::nullopt};
  }
  const WireFault fault = FindWireFault(type, reader, bytes.Length());
  return {.status = absl::InvalidArgumentError(fault.what), .id = fault.id};
}

}  // namespace

ReadFault ReadMessage(grpc::ByteBuffer& bytes, google::protobuf::Message& message) {
  const google::protobuf::Descriptor& type = *message.GetDescriptor();
  ReadFault fault;
  if (!bytes.Valid()) {
    fault = FindFault(bytes, type);
  } else if (std::optional<ReadFault> excess = FindExcess(bytes, type)) {
    fault = *std::move(excess);
  } else if (!TryParse(bytes, message)) {
    fault = FindFault(bytes, type);
  }
  bytes.Clear();
  return fault;
}

}  // namespace eldr
