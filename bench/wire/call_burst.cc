#include "bench/wire/call_burst.h"

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "client/src/grpc_status.h"
#include "core/base/clock.h"

namespace eldr {
namespace {

struct Call {
  grpc::ClientContext context;
  v1::PlaceResponse response;
  grpc::Status status;
  MonotonicTime start;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::PlaceResponse>> reader;
};

}  // namespace

absl::StatusOr<absl::Duration> PlaceBurst(v1::PlacementService::Stub& stub,
                                          const loadgen::RequestSource& source,
                                          const Burst& burst) {
  grpc::CompletionQueue queue;
  v1::PlaceRequest request;
  std::size_t started = 0;
  const auto start = [&] {
    auto* const call = new Call;
    source.FillQuery(burst.first_number + started++, request);
    call->start = RealClock().Monotonic();
    call->reader = stub.AsyncPlace(&call->context, request, &queue);
    call->reader->Finish(&call->response, &call->status, call);
  };
  while (started < std::min(burst.calls, burst.at_a_time)) start();
  std::vector<absl::Duration> latencies;
  absl::Status first;
  void* tag = nullptr;
  bool ok = false;
  while (latencies.size() < burst.calls && queue.Next(&tag, &ok)) {
    const std::unique_ptr<Call> call(static_cast<Call*>(tag));
    latencies.push_back(RealClock().Monotonic() - call->start);
    first.Update(client::internal::FromGrpcStatus(call->status));
    if (started < burst.calls) start();
  }
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  if (!first.ok()) return first;
  const auto middle = latencies.begin() + static_cast<std::ptrdiff_t>(latencies.size() / 2);
  std::nth_element(latencies.begin(), middle, latencies.end());
  return *middle;
}

absl::Status ReleaseBurst(v1::PlacementService::Stub& stub, const std::string& model,
                          const loadgen::RequestSource& source, const Burst& burst) {
  v1::ReleaseLeasesRequest request;
  for (std::size_t i = 0; i < burst.calls; ++i) {
    v1::LeaseKey& lease = *request.add_releases()->mutable_lease();
    lease.set_model(model);
    lease.set_request_id(source.Id(burst.first_number + i));
  }
  grpc::ClientContext context;
  v1::ReleaseLeasesResponse response;
  return client::internal::FromGrpcStatus(stub.ReleaseLeases(&context, request, &response));
}

}  // namespace eldr
