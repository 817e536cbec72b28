// A daemon in this process whose answers a test scripts.
#ifndef ELDR_TESTS_CLIENT_FAKE_DAEMON_H_
#define ELDR_TESTS_CLIENT_FAKE_DAEMON_H_

#include <grpcpp/server.h>
#include <grpcpp/server_context.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "eldr/v1/fleet.grpc.pb.h"
#include "eldr/v1/history.grpc.pb.h"
#include "eldr/v1/models.grpc.pb.h"
#include "eldr/v1/placement.grpc.pb.h"

namespace eldr::client {

// One method: what it answers, and what it was asked. Thread-safe.
template <typename Request, typename Response>
class FakeCall {
 public:
  using Answer = std::function<grpc::Status(const Request&, Response*)>;

  void set_answer(Answer answer) {
    absl::MutexLock lock(&mutex_);
    answer_ = std::move(answer);
  }
  // UNIMPLEMENTED as long as nothing is scripted.
  grpc::Status Run(const Request& request, Response* response) {
    Answer answer;
    {
      absl::MutexLock lock(&mutex_);
      requests_.push_back(request);
      answer = answer_;
    }
    if (answer) return answer(request, response);
    return grpc::Status(grpc::StatusCode::UNIMPLEMENTED, "the test scripts no answer");
  }
  std::vector<Request> requests() const {
    absl::MutexLock lock(&mutex_);
    return requests_;
  }

 private:
  mutable absl::Mutex mutex_;
  Answer answer_ ABSL_GUARDED_BY(mutex_);
  std::vector<Request> requests_ ABSL_GUARDED_BY(mutex_);
};

#define ELDR_FAKE_CALL(Method, member)                                          \
  grpc::Status Method(grpc::ServerContext*, const v1::Method##Request* request, \
                      v1::Method##Response* response) override {                \
    return member.Run(*request, response);                                      \
  }                                                                             \
  FakeCall<v1::Method##Request, v1::Method##Response> member;

class FakeModels final : public v1::ModelService::Service {
 public:
  ELDR_FAKE_CALL(DeclareModel, declare_model)
  ELDR_FAKE_CALL(ListModels, list_models)
  ELDR_FAKE_CALL(DescribeModel, describe_model)
};

class FakeFleet final : public v1::FleetService::Service {
 public:
  ELDR_FAKE_CALL(RegisterNode, register_node)
  ELDR_FAKE_CALL(Heartbeat, heartbeat)
  ELDR_FAKE_CALL(DrainNode, drain_node)
  ELDR_FAKE_CALL(UndrainNode, undrain_node)
  ELDR_FAKE_CALL(RemoveNode, remove_node)
  ELDR_FAKE_CALL(ListNodes, list_nodes)
  ELDR_FAKE_CALL(GetResidency, get_residency)

  // Each stream answers as its unary call does, then ends with `stream_end`.
  grpc::Status StreamHeartbeats(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::StreamHeartbeatsResponse, v1::StreamHeartbeatsRequest>* stream)
      override;
  grpc::Status stream_end;
  std::atomic<int> streams{0};  // that were opened
  // So many streams end with UNAVAILABLE at their first message, which is not answered.
  std::atomic<int> streams_to_break{0};
};

class FakeHistory final : public v1::HistoryService::Service {
 public:
  ELDR_FAKE_CALL(GetHistory, get_history)
};

class FakePlacement final : public v1::PlacementService::Service {
 public:
  ELDR_FAKE_CALL(PushSignature, push_signature)
  ELDR_FAKE_CALL(UpdateBlocks, update_blocks)
  ELDR_FAKE_CALL(Place, place)
  ELDR_FAKE_CALL(RenewLease, renew_lease)
  ELDR_FAKE_CALL(RenewLeases, renew_leases)
  ELDR_FAKE_CALL(ReleaseLease, release_lease)
  ELDR_FAKE_CALL(ReleaseLeases, release_leases)
  ELDR_FAKE_CALL(ExplainPlacement, explain_placement)

  // Sends `watched`, then ends with `stream_end`, unless it goes on.
  grpc::Status WatchPlacements(grpc::ServerContext* context,
                               const v1::WatchPlacementsRequest* request,
                               grpc::ServerWriter<v1::WatchPlacementsResponse>* writer) override;
  std::vector<v1::WatchPlacementsResponse> watched;
  std::atomic<bool> watch_goes_on{false};
  v1::WatchPlacementsRequest watch_request;

  grpc::Status StreamSignatures(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::StreamSignaturesResponse, v1::StreamSignaturesRequest>* stream)
      override;
  grpc::Status StreamPlacements(
      grpc::ServerContext*,
      grpc::ServerReaderWriter<v1::StreamPlacementsResponse, v1::StreamPlacementsRequest>* stream)
      override;
  grpc::Status stream_end;
};

#undef ELDR_FAKE_CALL

// Listens on the loopback from construction to destruction, with the gRPC health service beside the
// three of ours. Takes as many pings as eldrd does.
class FakeDaemon {
 public:
  // On a free port, or where a former one was.
  FakeDaemon() : FakeDaemon("127.0.0.1:0") {}
  explicit FakeDaemon(const std::string& target);
  ~FakeDaemon();

  const std::string& target() const { return target_; }
  void SetServing(const std::string& service, bool serving);

  FakeModels models;
  FakeHistory history;
  FakeFleet fleet;
  FakePlacement placement;

 private:
  std::unique_ptr<grpc::Server> server_;
  std::string target_;
};

}  // namespace eldr::client

#endif  // ELDR_TESTS_CLIENT_FAKE_DAEMON_H_
