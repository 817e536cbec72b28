// The services in a gRPC server without ports, for tests that need a hand on what is behind them.
#ifndef ELDR_TESTS_SERVER_IN_PROCESS_SERVICE_H_
#define ELDR_TESTS_SERVER_IN_PROCESS_SERVICE_H_

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <prometheus/registry.h>

#include <chrono>
#include <memory>
#include <utility>

#include "server/service/fleet_service.h"
#include "server/service/history_service.h"
#include "server/service/model_service.h"
#include "server/service/placement_feed.h"
#include "server/service/placement_service.h"
#include "tests/support/fake_clock.h"

namespace eldr {

// Serves from its construction on: the model "m", 2 layers x 4 experts, top-2, with a node "n0"
// that sends no heartbeats. Calls are bounded by `limits`; placements take turns in a queue of
// width 1.
class InProcessService {
 public:
  explicit InProcessService(const Router::Options& options = {},
                            const CallLimitsConfig& limits = {})
      : limits_(limits), queue_(1, limits.queue_wait, clock_) {
    router_ = Router::Create(options, clock_, observer_).value();
    feed_ = std::make_unique<PlacementFeed>(*router_);
    authorizer_ = Authorizer::Create({}).value();
    context_ = std::make_unique<ServiceContext>(ServiceContext{.router = *router_,
                                                               .calls = calls_,
                                                               .authorizer = *authorizer_,
                                                               .limits = limits_,
                                                               .placements = queue_,
                                                               .audit = audit_,
                                                               .metrics = metrics_,
                                                               .log = SharedLog(),
                                                               .clock = clock_,
                                                               .default_policy = {},
                                                               .feed = *feed_});
    DeclareModel(*context_, ModelSpec{"m", {2, 4, 2, {}}, {}}).value();
    NodeSpec node;
    node.node_id = "n0";
    node.model = "m";
    node.address = "n0.test:1";
    router_->RegisterNode(node).value();
    placement_service_ = std::make_unique<PlacementService>(*context_);
    fleet_service_ = std::make_unique<FleetService>(*context_);
    model_service_ = std::make_unique<ModelService>(*context_);
    history_service_ = std::make_unique<HistoryService>(*context_);
    grpc::ServerBuilder builder;
    builder.RegisterService(placement_service_.get());
    builder.RegisterService(fleet_service_.get());
    builder.RegisterService(model_service_.get());
    builder.RegisterService(history_service_.get());
    server_ = builder.BuildAndStart();
  }

  std::shared_ptr<grpc::Channel> NewChannel() { return server_->InProcessChannel({}); }
  // Cancels what is open, and waits until it has ended.
  void Shutdown() {
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
  }

  FakeClock& clock() { return clock_; }
  Router& router() { return *router_; }
  InFlightCalls& calls() { return calls_; }
  CallLimits& limits() { return limits_; }
  AdmissionQueue& queue() { return queue_; }
  ServiceContext& context() { return *context_; }

 private:
  // One for all: it has a thread and a queue of its own.
  static Log& SharedLog() {
    static const FakeClock clock;
    static Log log(LogConfig{}, clock, std::make_shared<NoOutput>());
    return log;
  }

  FakeClock clock_;
  prometheus::Registry registry_;
  Metrics metrics_{registry_, 2};
  RouterObserver observer_;
  InFlightCalls calls_;
  CallLimits limits_;
  AdmissionQueue queue_;
  Audit audit_{SharedLog(), clock_};
  std::unique_ptr<Authorizer> authorizer_;
  std::unique_ptr<Router> router_;
  std::unique_ptr<PlacementFeed> feed_;
  std::unique_ptr<ServiceContext> context_;
  std::unique_ptr<PlacementService> placement_service_;
  std::unique_ptr<FleetService> fleet_service_;
  std::unique_ptr<ModelService> model_service_;
  std::unique_ptr<HistoryService> history_service_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace eldr

#endif  // ELDR_TESTS_SERVER_IN_PROCESS_SERVICE_H_
