#include "client/src/health_check.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "client/src/connection.h"

namespace eldr::client::internal {
namespace {

namespace io = google::protobuf::io;
using google::protobuf::internal::WireFormatLite;

constexpr char kMethod[] = "/grpc.health.v1.Health/Check";
constexpr int kField = 1;  // of the request: service, a string; of the response: status, an enum

grpc::ByteBuffer EncodeRequest(absl::string_view service) {
  std::string bytes;
  {
    io::StringOutputStream stream(&bytes);
    io::CodedOutputStream out(&stream);
    WireFormatLite::WriteString(kField, std::string(service), &out);
  }
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

// A message without the field, and a status that is newer than this code, are kUnknown.
absl::StatusOr<Health> DecodeResponse(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return absl::InternalError("the health answer cannot be read");
  std::string bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  io::CodedInputStream in(reinterpret_cast<const uint8_t*>(bytes.data()),
                          static_cast<int>(bytes.size()));
  uint64_t status = 0;
  while (const uint32_t tag = in.ReadTag()) {
    const bool is_status = tag == WireFormatLite::MakeTag(kField, WireFormatLite::WIRETYPE_VARINT);
    if (is_status ? !in.ReadVarint64(&status) : !WireFormatLite::SkipField(&in, tag)) {
      return absl::InternalError("the health answer is not a HealthCheckResponse");
    }
  }
  if (status == 1) return Health::kServing;
  if (status == 2) return Health::kNotServing;
  return Health::kUnknown;
}

}  // namespace

absl::StatusOr<Health> CheckHealth(Connection& connection, absl::string_view service,
                                   const CallOptions& options) {
  grpc::GenericStub stub(connection.channel());
  const grpc::ByteBuffer request = EncodeRequest(service);
  grpc::ByteBuffer response;
  const absl::Status status =
      connection.Retry(options, Repeat::kSafe, [&](grpc::ClientContext& context) {
        absl::Notification done;
        grpc::Status result;
        stub.UnaryCall(&context, kMethod, grpc::StubOptions(), &request, &response,
                       [&](grpc::Status answered) {
                         result = std::move(answered);
                         done.Notify();
                       });
        done.WaitForNotification();
        return result;
      });
  if (!status.ok()) return status;
  return DecodeResponse(response);
}

}  // namespace eldr::client::internal
