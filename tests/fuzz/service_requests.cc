// Whatever is asked of the services, in whatever order: the books stay right.
//
// The bytes are a list of calls: most with fields drawn from a few values, so that calls meet, and
// some as messages that the bytes spell out. Between calls time passes. After each the leases are
// counted anew: by the router, by its nodes and by what its observer was told.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/observers.h"
#include "server/service/fleet_operations.h"
#include "server/service/model_service.h"
#include "server/service/placement_feed.h"
#include "server/service/placement_operations.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/fuzz/lease_books.h"
#include "tests/support/fake_clock.h"

namespace eldr {
namespace {

constexpr std::size_t kMostCalls = 200;

using Input = FuzzInput;

// One for all inputs: it has a thread and a queue of its own.
Log& SharedLog() {
  static const FakeClock clock;
  static Log log(LogConfig{}, clock, std::make_shared<NoOutput>());
  return log;
}

// The same holds for this; nothing here waits in it.
AdmissionQueue& SharedQueue() {
  static const FakeClock clock;
  static AdmissionQueue queue(1, absl::Seconds(1), clock);
  return queue;
}

// As a caller that names no trace.
absl::Status PlaceUntraced(ServiceContext& context, const v1::PlaceRequest& request,
                           v1::PlaceResponse* response) {
  return Place(context, request, {}, response);
}

class Service {
 public:
  Service() {
    Router::Options options;
    options.max_nodes_per_model = 4;
    options.max_leases_per_model = 10;
    options.max_models = 2;
    options.receipts = 8;
    options.signature_store_bytes = 4096;
    router_ = Router::Create(options, clock_, books_).value();
    feed_ = std::make_unique<PlacementFeed>(*router_);
    authorizer_ = Authorizer::Create({}).value();
    context_ = std::make_unique<ServiceContext>(ServiceContext{.router = *router_,
                                                               .calls = calls_,
                                                               .authorizer = *authorizer_,
                                                               .limits = limits_,
                                                               .placements = SharedQueue(),
                                                               .audit = audit_,
                                                               .metrics = metrics_,
                                                               .log = log_,
                                                               .clock = clock_,
                                                               .default_policy = {},
                                                               .feed = *feed_});
    FUZZ_CHECK(DeclareModel(*context_, ModelSpec{"m", {2, 4, 2, {}}, {}}).ok());
  }

  void Call(Input& input);
  void Check() const { CheckBooks(*router_, books_); }
  // Takes every node away, and expects that nothing is left.
  void End();

 private:
  // Calls the operation with a request, and looks at how it was refused.
  template <typename Request, typename Response>
  void Do(absl::Status (*operation)(ServiceContext&, const Request&, Response*),
          const Request& request) {
    Response response;
    const absl::Status status = operation(*context_, request, &response);
    FUZZ_CHECK(status.ok() || (!status.message().empty() && status.message().size() < 2000));
    FUZZ_CHECK(status.code() != absl::StatusCode::kInternal &&
               status.code() != absl::StatusCode::kUnknown);
  }
  // The request's bytes as they come.
  template <typename Request, typename Response>
  void DoRaw(absl::Status (*operation)(ServiceContext&, const Request&, Response*),
             absl::string_view bytes) {
    Request request;
    if (request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      Do(operation, request);
    }
  }
  void Raw(Input& input);
  void Declare(absl::string_view bytes);
  void Place(Input& input);
  void Push(Input& input);
  void UpdateBlocks(Input& input);
  void Renew(Input& input);
  void Release(Input& input);
  void Register(Input& input);
  void Beat(Input& input);

  FakeClock clock_;
  Log& log_ = SharedLog();
  prometheus::Registry registry_;
  Metrics metrics_{registry_, 2};
  LeaseBooks books_;
  InFlightCalls calls_;
  CallLimits limits_{CallLimitsConfig{}};
  Audit audit_{log_, clock_};
  std::unique_ptr<Authorizer> authorizer_;
  std::unique_ptr<Router> router_;
  std::unique_ptr<PlacementFeed> feed_;
  std::unique_ptr<ServiceContext> context_;
};

void FillSignature(Input& input, v1::ExpertSignature* signature) {
  signature->set_tokens(input.Byte() % 8);
  if (input.OneIn(4)) signature->set_prompt_tokens(input.Byte() % 32);
  signature->mutable_dense()->set_encoding(v1::COUNT_ENCODING_UINT8);
  std::string counts(8, '\0');
  for (char& count : counts) count = static_cast<char>(input.Byte() % 8);
  signature->mutable_dense()->set_data(counts);
}

void FillBlocks(Input& input, v1::PromptBlocks* blocks) {
  for (int i = input.Byte() % 4; i > 0; --i) blocks->add_hashes(input.Hash());
  blocks->set_prompt_tokens(input.Byte());
}

void Service::Place(Input& input) {
  v1::PlaceRequest request;
  request.set_model(input.Model());
  request.set_request_id(input.Request());
  const std::uint8_t with = input.Byte();
  if (with & 1) FillSignature(input, request.mutable_signature());
  if (with & 2) request.set_sequences(input.Byte() % 8);
  if (with & 4) request.set_context_tokens(input.Byte());
  if (with & 8) request.set_max_output_tokens(input.Byte());
  if (with & 16) request.add_exclude_nodes(input.Node());
  if (with & 32) request.add_allow_nodes(input.Node());
  if (with & 64) request.mutable_lease_ttl()->set_seconds(input.Byte() % 8);
  if (with & 128) {
    FillBlocks(input, request.mutable_blocks());
    request.set_prefill_worker("p");
  }
  Do(PlaceUntraced, request);
}

void Service::Push(Input& input) {
  v1::PushSignatureRequest request;
  request.set_model(input.Model());
  request.set_request_id(input.Request());
  const std::uint8_t with = input.Byte();
  if (!(with & 1)) FillSignature(input, request.mutable_signature());
  request.set_append(with & 2);
  if (with & 4) request.set_append_at(input.Byte() % 16);
  if (with & 8) {
    FillBlocks(input, request.mutable_blocks());
    request.set_prefill_worker("p");
  }
  Do(eldr::PushSignature, request);
}

void Service::UpdateBlocks(Input& input) {
  v1::UpdateBlocksRequest request;
  request.set_model(input.Model());
  request.set_prefill_worker("p");
  request.set_cleared(input.OneIn(16));
  if (input.OneIn(2)) request.add_removed(input.Hash());
  for (int i = input.Byte() % 3; i > 0; --i) {
    v1::SignatureBlock& block = *request.add_stored();
    block.set_hash(input.Hash());
    FillSignature(input, block.mutable_signature());
    block.mutable_signature()->clear_prompt_tokens();
  }
  Do(eldr::UpdateBlocks, request);
}

void Service::Renew(Input& input) {
  v1::RenewLeasesRequest request;
  for (int i = 1 + input.Byte() % 3; i > 0; --i) {
    v1::RenewLeaseRequest& renewal = *request.add_renewals();
    renewal.mutable_lease()->set_model(input.Model());
    renewal.mutable_lease()->set_request_id(input.Request());
    if (input.OneIn(4)) renewal.mutable_lease_ttl()->set_seconds(input.Byte());
  }
  Do(eldr::RenewLeases, request);
}

void Service::Release(Input& input) {
  v1::ReleaseLeasesRequest request;
  for (int i = 1 + input.Byte() % 3; i > 0; --i) {
    v1::LeaseKey& key = *request.add_releases()->mutable_lease();
    key.set_model(input.Model());
    key.set_request_id(input.Request());
    if (input.OneIn(8)) key.set_lease_id(input.Byte());
  }
  Do(eldr::ReleaseLeases, request);
}

void Service::Register(Input& input) {
  v1::RegisterNodeRequest request;
  v1::NodeSpec& node = *request.mutable_node();
  node.set_node_id(input.Node());
  node.set_model(input.Model());
  node.set_address("a:1");
  const std::uint8_t with = input.Byte();
  node.set_incarnation(input.Byte() % 4);
  if (with & 1) node.mutable_heartbeat_interval()->set_seconds(1);
  if (with & 2) node.set_capacity(input.Byte() % 4);
  if (with & 4) node.set_kv_capacity_tokens(input.Byte() * 4);
  if (with & 8) node.set_expert_group("g");
  if (with & 16) node.set_tokens_per_step(input.Byte() % 4);
  Do(eldr::RegisterNode, request);
}

void Service::Beat(Input& input) {
  v1::HeartbeatRequest request;
  request.set_node_id(input.Node());
  request.set_running(input.Byte() % 8);
  request.set_queued(input.Byte() % 4);
  const std::uint8_t with = input.Byte();
  if (with & 1) request.set_kv_usage(static_cast<double>(input.Byte()) / 255);
  for (int i = with >> 4; i > 0; --i) request.add_running_request_ids(input.Request());
  if (with & 2) request.add_finished_request_ids(input.Request());
  if (with & 2 && with & 8) request.add_finished()->set_request_id(input.Request());
  request.set_complete_list(with & 4);
  if (with & 8) {
    v1::StepStats& steps = *request.add_steps();
    steps.set_max_batch(8);
    steps.set_steps(input.Byte());
    steps.set_mean_batch(input.Byte() % 10);
    steps.mutable_total_duration()->set_nanos(input.Byte() * 1'000'000);
  }
  Do(eldr::Heartbeat, request);
}

void Service::Declare(absl::string_view bytes) {
  v1::DeclareModelRequest request;
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  // A large one is no fault, but would take long to look through after each call.
  const v1::ModelGeometry& geometry = request.geometry();
  if (std::uint64_t{geometry.layers()} * geometry.experts() > 4096) return;
  Do<v1::DeclareModelRequest, v1::DeclareModelResponse>(eldr::DeclareModel, request);
}

void Service::Raw(Input& input) {
  const std::uint8_t kind = input.Byte();
  const absl::string_view bytes = input.Take(input.Byte());
  switch (kind % 12) {
    case 0:
      return DoRaw(PlaceUntraced, bytes);
    case 1:
      return DoRaw(eldr::PushSignature, bytes);
    case 2:
      return DoRaw(eldr::UpdateBlocks, bytes);
    case 3:
      return DoRaw(eldr::RenewLease, bytes);
    case 4:
      return DoRaw(eldr::ReleaseLease, bytes);
    case 5:
      return DoRaw(eldr::RegisterNode, bytes);
    case 6:
      return DoRaw(eldr::Heartbeat, bytes);
    case 7:
      return Declare(bytes);
    case 8:
      return DoRaw(eldr::ExplainPlacement, bytes);
    case 9:
      return DoRaw(eldr::DrainNode, bytes);
    case 10:
      return DoRaw(eldr::ListNodes, bytes);
    default:
      return DoRaw(eldr::RemoveNode, bytes);
  }
}

void Service::Call(Input& input) {
  switch (input.Byte() % 16) {
    case 0:
    case 1:
    case 2:
      return Place(input);
    case 3:
    case 4:
      return Push(input);
    case 5:
      return UpdateBlocks(input);
    case 6:
      return Renew(input);
    case 7:
      return Release(input);
    case 8:
      return Register(input);
    case 9:
    case 10:
      return Beat(input);
    case 11: {
      v1::DrainNodeRequest request;
      request.set_node_id(input.Node());
      return Do(eldr::DrainNode, request);
    }
    case 12: {
      v1::UndrainNodeRequest request;
      request.set_node_id(input.Node());
      return Do(eldr::UndrainNode, request);
    }
    case 13: {
      if (!input.OneIn(4)) return;
      v1::RemoveNodeRequest request;
      request.set_node_id(input.Node());
      return Do(eldr::RemoveNode, request);
    }
    case 14:
      clock_.Advance(absl::Milliseconds(100 * input.Byte()));
      router_->Step();
      return;
    default:
      return Raw(input);
  }
}

void Service::End() {
  const std::vector<NodeStatus> nodes = router_->ListNodes("").value();
  for (const NodeStatus& node : nodes) {
    FUZZ_CHECK(router_->RemoveNode(node.spec.node_id).value().removed);
  }
  Check();
  FUZZ_CHECK(books_.live() == 0);
}

}  // namespace
}  // namespace eldr

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  eldr::Input input(eldr::Text(data, size));
  eldr::Service service;
  for (std::size_t calls = 0; calls < eldr::kMostCalls && !input.ended(); ++calls) {
    service.Call(input);
    service.Check();
  }
  service.End();
  return 0;
}
