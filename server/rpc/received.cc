#include "server/rpc/received.h"

#include <grpcpp/support/proto_buffer_reader.h>

#include "absl/strings/str_cat.h"
#include "server/rpc/wire_fault.h"

namespace eldr {
namespace {

bool TryParse(grpc::ByteBuffer& bytes, google::protobuf::Message& message) {
  grpc::ProtoBufferReader reader(&bytes);
  return reader.status().ok() && message.ParseFromZeroCopyStream(&reader);
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
  ReadFault fault;
  if (!bytes.Valid() || !TryParse(bytes, message))
    fault = FindFault(bytes, *message.GetDescriptor());
  bytes.Clear();
  return fault;
}

}  // namespace eldr
