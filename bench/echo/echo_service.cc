#include "bench/echo/echo_service.h"

namespace eldr {
namespace {

// As long as those of a cluster, and as those of wire/placed_fleet.cc.
void Fill(v1::PlacedNode* node) {
  node->set_node_id("decode-node-10.cluster.local");
  node->set_address("10.1.0.10:8000");
}

}  // namespace

EchoService::EchoService() {
  Fill(placed_.mutable_node());
  placed_.set_lease_id(123'456);
  placed_.mutable_lease_ttl()->set_seconds(600);
  placed_.set_policy("residency");
  placed_.set_reason(v1::PLACEMENT_REASON_POLICY);
  placed_.set_signature_quality(v1::SIGNATURE_QUALITY_FULL);
  placed_.set_load_basis(v1::LOAD_BASIS_OWN_COUNT);
  for (int i = 0; i < 3; ++i) Fill(placed_.add_fallbacks());
  placed_.set_marginal_experts(1234.5);
  placed_.mutable_predicted_step_time()->set_nanos(12'345'678);
  placed_.set_signature_coverage(1);
}

grpc::ServerUnaryReactor* EchoService::Place(grpc::CallbackServerContext* rpc,
                                             const v1::PlaceRequest* /*request*/,
                                             v1::PlaceResponse* response) {
  *response = placed_;
  grpc::ServerUnaryReactor* const reactor = rpc->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

grpc::ServerUnaryReactor* EchoService::ReleaseLease(grpc::CallbackServerContext* rpc,
                                                    const v1::ReleaseLeaseRequest* /*request*/,
                                                    v1::ReleaseLeaseResponse* response) {
  response->set_outcome(v1::LEASE_OUTCOME_DONE);
  grpc::ServerUnaryReactor* const reactor = rpc->DefaultReactor();
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

}  // namespace eldr
