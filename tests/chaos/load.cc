#include "tests/chaos/load.h"

#include <grpcpp/client_context.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/chaos/child_process.h"

namespace eldr {

Load::Load(NewChannel new_channel, Options options)
    : new_channel_(std::move(new_channel)), options_(std::move(options)) {
  for (int client = 0; client < options_.clients; ++client) {
    threads_.emplace_back([this, client] { Run(client); });
  }
}

Load::~Load() { Stop(); }

bool Load::PlacesMore(std::uint64_t requests) const {
  const std::uint64_t least = placed() + requests;
  return Within(absl::Seconds(30), [&] { return placed() >= least; });
}

void Load::Stop() {
  stop_.store(true);
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

std::uint64_t Load::placed_on(const std::string& node_id) const {
  std::lock_guard<std::mutex> lock(mutex_);
  return static_cast<std::uint64_t>(std::count(nodes_.begin(), nodes_.end(), node_id));
}

void Load::Run(int client) {
  std::shared_ptr<grpc::Channel> channel = new_channel_();
  for (std::uint64_t number = 0; !stop_.load(); ++number) {
    if (options_.reconnect) channel = new_channel_();
    const auto stub = v1::PlacementService::NewStub(channel);
    const std::string request_id = absl::StrCat(options_.name, "-", client, "-", number);
    const bool placed = Serve(*stub, request_id, number % 3 == 0);
    if (placed) std::this_thread::sleep_for(absl::ToChronoNanoseconds(options_.hold));  // it runs
    Release(*stub, request_id);
    if (!placed) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

bool Load::Serve(v1::PlacementService::Stub& stub, const std::string& request_id, bool again) {
  const auto first = Place(stub, request_id);
  if (!first.ok()) return false;
  ++placed_;
  if (!again) return true;
  std::this_thread::sleep_for(absl::ToChronoNanoseconds(options_.hold));
  const auto second = Place(stub, request_id);
  if (!second.ok()) return false;
  ++asked_again_;
  // A lease that ended in between, since its node was lost, is no lease to be placed twice.
  if (second->reason() == v1::PLACEMENT_REASON_EXISTING_LEASE &&
      second->lease_id() == first->lease_id() &&
      second->node().node_id() == first->node().node_id()) {
    return true;
  }
  std::lock_guard<std::mutex> lock(mutex_);
  placed_twice_.push_back(absl::StrCat(request_id, " on ", first->node().node_id(), " by lease ",
                                       first->lease_id(), ", then on ", second->node().node_id(),
                                       " by ", second->lease_id()));
  return true;
}

absl::StatusOr<v1::PlaceResponse> Load::Place(v1::PlacementService::Stub& stub,
                                              const std::string& request_id) {
  v1::PlaceRequest request;
  request.set_model("m");
  request.set_request_id(request_id);
  v1::PlaceResponse response;
  const absl::Status status =
      Call([&](grpc::ClientContext& context) { return stub.Place(&context, request, &response); });
  if (!status.ok()) {
    Fail(absl::StrCat("Place of ", request_id, ": ", status.ToString()));
    return status;
  }
  std::lock_guard<std::mutex> lock(mutex_);
  nodes_.push_back(response.node().node_id());
  return response;
}

void Load::Release(v1::PlacementService::Stub& stub, const std::string& request_id) {
  v1::ReleaseLeaseRequest request;
  request.mutable_lease()->set_model("m");
  request.mutable_lease()->set_request_id(request_id);
  v1::ReleaseLeaseResponse response;
  const absl::Status status = Call([&](grpc::ClientContext& context) {
    return stub.ReleaseLease(&context, request, &response);
  });
  if (!status.ok()) Fail(absl::StrCat("release of ", request_id, ": ", status.ToString()));
}

absl::Status Load::Call(const std::function<grpc::Status(grpc::ClientContext&)>& call) const {
  const auto give_up =
      std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(options_.patience);
  while (true) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    // While nobody waits for a call, the library looks at a new connection every five seconds only.
    context.set_wait_for_ready(options_.patience > absl::ZeroDuration());
    const grpc::Status status = call(context);
    const bool away = status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                      status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
    if (!away || std::chrono::steady_clock::now() >= give_up) {
      return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                          status.error_message());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void Load::Fail(const std::string& what) {
  std::lock_guard<std::mutex> lock(mutex_);
  failures_.push_back(what);
}

}  // namespace eldr
