// Whole calls, through gRPC and the reactors of the services, whatever their clients do and when.
//
// The bytes are a script: calls of any method are opened, with deadlines from a microsecond,
// written to, half-closed and cancelled, while time passes, calls are refused and the server shuts
// down. In the end every call is over, nothing is held of any, and what a stream answered is what
// it was asked.
#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/service/placement_operations.h"
#include "tests/fuzz/client_call.h"
#include "tests/fuzz/fuzz_check.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/server/in_process_service.h"

namespace eldr {
namespace {

constexpr std::size_t kMostCalls = 24;
constexpr int kMostSteps = 200;

struct Method {
  std::string path;
  bool streams = false;
  // Of the request, or of an element of the stream; to build valid ones.
  const google::protobuf::Descriptor* type = nullptr;
};

std::vector<Method> Methods() {
  std::vector<Method> methods;
  for (const char* const name :
       {v1::PlacementService::service_full_name(), v1::FleetService::service_full_name(),
        v1::ModelService::service_full_name(), v1::HistoryService::service_full_name()}) {
    const auto* const service =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
    for (int i = 0; i < service->method_count(); ++i) {
      const auto& method = *service->method(i);
      methods.push_back({absl::StrCat("/", name, "/", method.name()), method.client_streaming(),
                         method.input_type()});
    }
  }
  return methods;
}

Router::Options SmallRouter() {
  Router::Options options;
  options.max_nodes_per_model = 4;
  options.max_leases_per_model = 10;
  options.max_models = 2;
  options.receipts = 8;
  return options;
}

class Clients {
 public:
  void Run(FuzzInput& input);

 private:
  struct Open {
    const Method* method;
    std::unique_ptr<ClientCall> call;
  };

  void Step(FuzzInput& input);
  void OpenCall(FuzzInput& input);
  std::string Message(FuzzInput& input, const Method& method);
  void Shutdown();
  void End(FuzzInput& input);
  static void Check(const Open& open);

  const std::vector<Method> methods_ = Methods();
  InProcessService service_{SmallRouter(),
                            {.calls = 8, .streams = 6, .streams_per_peer = 5, .waits = 4}};
  grpc::GenericStub stub_{service_.NewChannel()};
  std::vector<Open> open_;
  bool shut_down_ = false;
};

v1::PlaceRequest Query(FuzzInput& input) {
  v1::PlaceRequest query;
  query.set_model(input.Model());
  query.set_request_id(input.Request());
  const std::uint8_t with = input.Byte();
  if (with & 1) query.mutable_signature_wait()->set_nanos(with * 50'000);  // up to 12 ms
  if (with & 2) query.mutable_lease_ttl()->set_seconds(1 + with % 8);
  return query;
}

v1::PushSignatureRequest Push(FuzzInput& input) {
  v1::PushSignatureRequest push;
  push.set_model("m");
  push.set_request_id(input.Request());
  push.mutable_signature()->set_tokens(1);
  push.mutable_signature()->mutable_dense()->set_encoding(v1::COUNT_ENCODING_UINT8);
  push.mutable_signature()->mutable_dense()->set_data(std::string("\1\1\0\0\1\1\0\0", 8));
  return push;
}

// A message of the kind that the method takes, or bytes as they come.
std::string Clients::Message(FuzzInput& input, const Method& method) {
  const std::string& type = method.type->name();
  if (input.OneIn(4)) return std::string(input.Take(input.Byte() % 32));
  if (type == "PlaceRequest") return Query(input).SerializeAsString();
  if (type == "PushSignatureRequest") return Push(input).SerializeAsString();
  if (type == "StreamPlacementsRequest") {
    v1::StreamPlacementsRequest element;
    element.set_id(input.Byte());
    *element.mutable_place() = Query(input);
    return element.SerializeAsString();
  }
  if (type == "StreamSignaturesRequest") {
    v1::StreamSignaturesRequest element;
    element.set_id(input.Byte());
    *element.mutable_push() = Push(input);
    return element.SerializeAsString();
  }
  if (type == "StreamHeartbeatsRequest") {
    v1::StreamHeartbeatsRequest element;
    element.set_id(input.Byte());
    element.mutable_heartbeat()->set_node_id(input.Node());
    return element.SerializeAsString();
  }
  return "";
}

void Clients::OpenCall(FuzzInput& input) {
  // gRPC's channel without ports does not survive a call to a server that has shut down.
  if (open_.size() == kMostCalls || shut_down_) return;
  const std::uint8_t which = input.Byte();
  // A placement has most ways to end.
  const Method& method =
      which >= 128 ? *std::find_if(methods_.begin(), methods_.end(),
                                   [](const Method& m) { return m.type->name() == "PlaceRequest"; })
                   : methods_[which % methods_.size()];
  const std::uint8_t how = input.Byte();
  constexpr int kDeadlines[] = {0, 0, 0, 1, 20, 200, 1000, 5000};
  open_.push_back(
      {&method, std::make_unique<ClientCall>(stub_, method.path,
                                             std::chrono::microseconds(kDeadlines[how % 8]))});
  if (how & 8) open_.back().call->Write(Message(input, method));
  if (how & 16) open_.back().call->HalfClose();
  if (how & 32) open_.back().call->Cancel();
}

void Clients::Shutdown() {
  if (shut_down_) return;
  shut_down_ = true;
  service_.Shutdown();
}

void Clients::Step(FuzzInput& input) {
  const std::uint8_t step = input.Byte() % 16;
  if (step < 5) return OpenCall(input);
  if (open_.empty()) return;
  const Open& open = open_[input.Byte() % open_.size()];
  switch (step) {
    case 5:
    case 6:
    case 7:
      return open.call->Write(Message(input, *open.method));
    case 8:
      return open.call->HalfClose();
    case 9:
      return open.call->Cancel();
    case 10: {
      v1::PushSignatureResponse response;
      PushSignature(service_.context(), Push(input), &response).IgnoreError();
      return;
    }
    case 11:
      service_.clock().Advance(absl::Milliseconds(100 * input.Byte()));
      service_.router().Step();
      return;
    case 12:
      if (input.OneIn(8)) service_.calls().Close();
      return;
    case 13:
      if (input.OneIn(8)) Shutdown();
      return;
    default:
      // Lets gRPC's threads come to what was begun.
      std::this_thread::sleep_for(std::chrono::microseconds(input.Byte() * 4));
  }
}

void Clients::Check(const Open& open) {
  const grpc::Status& status = open.call->status();
  FUZZ_CHECK(status.error_code() != grpc::StatusCode::UNIMPLEMENTED);
  FUZZ_CHECK(status.error_code() != grpc::StatusCode::UNKNOWN);
  if (!status.ok()) return;
  const std::size_t expected = open.method->streams ? open.call->written() : 1;
  FUZZ_CHECK(open.call->answers() == expected);
}

void Clients::End(FuzzInput& input) {
  for (const Open& open : open_) {
    const bool ends_itself = open.method->type->name() != "WatchPlacementsRequest";
    if (!ends_itself || input.OneIn(4)) open.call->Cancel();
    open.call->Release();
  }
  for (const Open& open : open_) FUZZ_CHECK(open.call->WaitUntilDone());
  for (const Open& open : open_) Check(open);
  Shutdown();
  service_.calls().Close();
  FUZZ_CHECK(service_.calls().WaitUntilIdle(absl::Seconds(10)));
  const CallLimits::Counts counts = service_.limits().counts();
  FUZZ_CHECK(counts.calls == 0 && counts.streams == 0 && counts.waits == 0 &&
             counts.wait_bytes == 0 && counts.answer_bytes == 0 && counts.peers == 0);
  FUZZ_CHECK(service_.queue().waiting() == 0);
}

void Clients::Run(FuzzInput& input) {
  for (int steps = 0; steps < kMostSteps && !input.ended(); ++steps) Step(input);
  End(input);
}

}  // namespace
}  // namespace eldr

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  eldr::FuzzInput input(eldr::Text(data, size));
  eldr::Clients().Run(input);
  return 0;
}
