#include "bench/wire/wire_goals.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/micro/interleaved.h"
#include "bench/micro/loaded_fleet.h"
#include "bench/wire/call_burst.h"
#include "bench/wire/processors.h"
#include "bench/wire/temporary_folder.h"
#include "core/base/status_macros.h"
#include "eldr/client/client.h"
#include "grpcpp/create_channel.h"
#include "tools/loadgen/load_options.h"
#include "tools/loadgen/process_usage.h"
#include "tools/process/daemon_process.h"

namespace eldr {
namespace {

constexpr char kModel[] = "bench";
constexpr std::size_t kNodes = 16;
constexpr std::size_t kLeasesPerNode = 8;
constexpr std::size_t kRounds = 100;
constexpr std::size_t kLoadedCalls = 200;
constexpr std::size_t kLoadedAtATime = 8;
constexpr std::size_t kUnloadedCalls = 50;
constexpr std::size_t kDecisions = 50;
constexpr double kEchoShare = 1.15;
constexpr double kDecisionShare = 1.1;
constexpr double kLatencyShare = 1.25;

// One of the two servers.
class Server {
 public:
  static absl::StatusOr<std::unique_ptr<Server>> Start(const std::string& program,
                                                       const std::string& socket) {
    auto server = std::make_unique<Server>();
    ELDR_ASSIGN_OR_RETURN(
        server->process_,
        demo::DaemonProcess::Start(
            program, absl::StrCat("grpc: {listen: [\"unix:", socket,
                                  "\"]}\nhttp: {listen: \"127.0.0.1:0\"}\nshutdown_delay: 0s\n"
                                  "log: {level: warning}\nmodels: [{name: ",
                                  kModel, ", layers: ", kBenchLayers, ", experts: ", kBenchExperts,
                                  ", top_k: ", kBenchTopK, "}]\n")));
    server->stub_ = v1::PlacementService::NewStub(
        grpc::CreateChannel(server->process_->grpc_address(), grpc::InsecureChannelCredentials()));
    return server;
  }

  absl::StatusOr<absl::Duration> Place(const loadgen::RequestSource& source, const Burst& burst) {
    return PlaceBurst(*stub_, source, burst);
  }
  absl::Status Release(const loadgen::RequestSource& source, const Burst& burst) {
    return ReleaseBurst(*stub_, kModel, source, burst);
  }
  // CPU time of a call of the burst.
  absl::StatusOr<absl::Duration> TimePlace(const loadgen::RequestSource& source,
                                           const Burst& burst) {
    ELDR_ASSIGN_OR_RETURN(const loadgen::ProcessUsage before, loadgen::UsageOf(process_->pid()));
    ELDR_RETURN_IF_ERROR(Place(source, burst).status());
    ELDR_ASSIGN_OR_RETURN(const loadgen::ProcessUsage after, loadgen::UsageOf(process_->pid()));
    return (after.cpu - before.cpu) / static_cast<double>(burst.calls);
  }

  const std::string& address() const { return process_->grpc_address(); }

 private:
  std::unique_ptr<demo::DaemonProcess> process_;
  std::unique_ptr<v1::PlacementService::Stub> stub_;
};

// Nodes that send no heartbeats, so they are ready at once and stay.
absl::Status RegisterNodes(const std::string& target) {
  std::unique_ptr<client::Client> client;
  client::Options options;
  options.target = target;
  ELDR_ASSIGN_OR_RETURN(client, client::Client::Create(options));
  for (std::size_t i = 0; i < kNodes; ++i) {
    v1::RegisterNodeRequest request;
    request.mutable_node()->set_node_id(absl::StrCat("decode-node-", i, ".cluster.local"));
    request.mutable_node()->set_model(kModel);
    request.mutable_node()->set_address(absl::StrCat("10.1.0.", i, ":8000"));
    ELDR_RETURN_IF_ERROR(client->RegisterNode(request).status());
  }
  return absl::OkStatus();
}

// What was measured, by round.
struct Rounds {
  std::vector<double> daemon_cpu;
  std::vector<double> echo_cpu;
  std::vector<double> decision_cpu;
  std::vector<double> daemon_latency;
  std::vector<double> echo_latency;
};

// One round of all contenders. Whatever is placed is released, off the clock.
absl::Status Measure(Server& daemon, Server& echo, LoadedFleet& fleet,
                     const loadgen::RequestSource& source, std::uint64_t& number, Rounds& rounds) {
  const auto add = [](std::vector<double>& to, absl::Duration time) {
    to.push_back(absl::ToDoubleMicroseconds(time));
  };
  const Burst loaded = {kLoadedCalls, kLoadedAtATime, number};
  const Burst unloaded = {kUnloadedCalls, 1, number + kLoadedCalls};
  number += kLoadedCalls + kUnloadedCalls;
  ELDR_ASSIGN_OR_RETURN(const absl::Duration daemon_cpu, daemon.TimePlace(source, loaded));
  ELDR_ASSIGN_OR_RETURN(const absl::Duration echo_cpu, echo.TimePlace(source, loaded));
  ELDR_RETURN_IF_ERROR(daemon.Release(source, loaded));
  ELDR_ASSIGN_OR_RETURN(const absl::Duration daemon_latency, daemon.Place(source, unloaded));
  ELDR_ASSIGN_OR_RETURN(const absl::Duration echo_latency, echo.Place(source, unloaded));
  ELDR_RETURN_IF_ERROR(daemon.Release(source, unloaded));
  const double start = ThreadCpuSeconds();
  for (std::size_t i = 0; i < kDecisions; ++i) fleet.Place();
  rounds.decision_cpu.push_back(1e6 * (ThreadCpuSeconds() - start) / kDecisions);
  for (std::size_t i = 0; i < kDecisions; ++i) fleet.Release();
  add(rounds.daemon_cpu, daemon_cpu);
  add(rounds.echo_cpu, echo_cpu);
  add(rounds.daemon_latency, daemon_latency);
  add(rounds.echo_latency, echo_latency);
  return absl::OkStatus();
}

std::vector<Goal> GoalsOf(const Rounds& rounds) {
  std::vector<double> cpu;
  std::vector<double> latency;
  for (std::size_t i = 0; i < rounds.daemon_cpu.size(); ++i) {
    cpu.push_back(rounds.daemon_cpu[i] /
                  (kEchoShare * rounds.echo_cpu[i] + kDecisionShare * rounds.decision_cpu[i]));
    latency.push_back(rounds.daemon_latency[i] / rounds.echo_latency[i]);
  }
  absl::FPrintF(stderr,
                "wire, %d nodes: server CPU of a placement %.2f us, of an echo %.2f us, decision "
                "%.2f us; unloaded P50 %.1f us, echo %.1f us\n",
                kNodes, Median(rounds.daemon_cpu), Median(rounds.echo_cpu),
                Median(rounds.decision_cpu), Median(rounds.daemon_latency),
                Median(rounds.echo_latency));
  return {AtMost("wire: server CPU / (1.15 echo + 1.1 decision)", Median(std::move(cpu)), 1),
          AtMost("wire: unloaded P50 / echo's", Median(std::move(latency)), kLatencyShare)};
}

}  // namespace

absl::StatusOr<std::vector<Goal>> MeasureWireGoals(const WirePrograms& programs) {
  ELDR_ASSIGN_OR_RETURN(const TemporaryFolder folder, TemporaryFolder::Make());
  // Both before any other thread: that is what starting a process wants.
  std::unique_ptr<Server> daemon;
  std::unique_ptr<Server> echo;
  {
    const OnOneProcessor last(OnOneProcessor::kLast);
    ELDR_ASSIGN_OR_RETURN(daemon, Server::Start(programs.eldrd, folder.path() + "/eldrd"));
    ELDR_ASSIGN_OR_RETURN(echo, Server::Start(programs.echo, folder.path() + "/echo"));
  }
  const OnOneProcessor first(OnOneProcessor::kFirst);
  loadgen::LoadOptions options;
  options.model = kModel;
  options.geometry = BenchGeometry();
  ELDR_ASSIGN_OR_RETURN(const loadgen::RequestSource source,
                        loadgen::RequestSource::Create(options, "chatcmpl-8d2f64c0-request"));
  ELDR_RETURN_IF_ERROR(RegisterNodes(daemon->address()));
  const Burst standing = {kNodes * kLeasesPerNode, kLoadedAtATime, 0};
  ELDR_RETURN_IF_ERROR(daemon->Place(source, standing).status());
  std::uint64_t number = standing.calls;
  LoadedFleet::Shape shape;
  shape.nodes = kNodes;
  shape.leases_per_node = kLeasesPerNode;
  shape.form = SignatureForm::kBytes;
  LoadedFleet fleet(shape);
  // Until receipts, rings and the allocators' caches are filled.
  Rounds warm_up;
  for (std::size_t i = 0; i < kRounds / 5; ++i) {
    ELDR_RETURN_IF_ERROR(Measure(*daemon, *echo, fleet, source, number, warm_up));
  }
  Rounds rounds;
  for (std::size_t i = 0; i < kRounds; ++i) {
    ELDR_RETURN_IF_ERROR(Measure(*daemon, *echo, fleet, source, number, rounds));
  }
  return GoalsOf(rounds);
}

}  // namespace eldr
