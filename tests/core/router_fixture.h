// What tests of the router share: a clock that stands still, an observer that takes notes, and a
// router with one small model.
#ifndef ELDR_TESTS_CORE_ROUTER_FIXTURE_H_
#define ELDR_TESTS_CORE_ROUTER_FIXTURE_H_

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/base/mutex.h"
#include "core/route/router.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/test_signature.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace eldr {

// A list of ids as queries and reports take it.
class Ids {
 public:
  Ids(std::initializer_list<std::string> ids) : Ids(std::vector<std::string>(ids)) {}
  explicit Ids(std::vector<std::string> ids) : ids_(std::move(ids)) {
    for (const std::string& id : ids_) pointers_.push_back(&id);
  }
  Ids(const Ids&) = delete;
  Ids& operator=(const Ids&) = delete;

  operator absl::Span<const std::string* const>() const { return pointers_; }  // NOLINT

 private:
  const std::vector<std::string> ids_;
  std::vector<const std::string*> pointers_;
};

// Writes down what it hears, a line each: "released r1 on a", "a: joining -> ready", "b
// registered", "b draining", "b not draining", "b removed", "panic", "no panic", "b not believed:
// past 1", "b shares the address of a", "signatures: 1 expired, 0 evicted". Thread-safe.
class NotingObserver final : public RouterObserver {
 public:
  void OnLeaseEnded(absl::string_view model, const Lease& lease, LeaseEnd end) override;
  void OnNodeRegistered(const DecodeNode& node) override;
  void OnNodeState(const DecodeNode& node, NodeState before) override;
  void OnNodeDraining(const DecodeNode& node) override;
  void OnNodeRemoved(const DecodeNode& node) override;
  void OnPanicMode(absl::string_view model, bool panic) override;
  void OnReportNotBelieved(const DecodeNode& node, Disbelief cause, std::uint64_t count) override;
  void OnAddressShared(const DecodeNode& node, const DecodeNode& other) override;
  void OnSignaturesDropped(absl::string_view model, std::size_t expired,
                           std::size_t evicted) override;

  // The notes since the last call.
  std::vector<std::string> Take();

 private:
  void Note(std::string line);

  Mutex mutex_;
  std::vector<std::string> notes_ ABSL_GUARDED_BY(mutex_);
};

class RouterFixture : public ::testing::Test {
 protected:
  static constexpr absl::string_view kModel = "moe";

  // The default options and the default policy; Start again for others.
  RouterFixture() { Start({}, {}); }

  // A new router that has kModel declared.
  void Start(const Router::Options& options, const PolicySettings& settings);
  void StartWithPolicy(const std::string& policy);

  // A node that sends no heartbeats: ready at once.
  static NodeSpec Node(const std::string& id);
  // A node that sends one every second.
  static NodeSpec HeartbeatingNode(const std::string& id);
  // Registers nodes that send no heartbeats.
  void RegisterNodes(std::initializer_list<std::string> ids);
  // Registers heartbeating nodes and hears each one once.
  void RegisterAndHear(std::initializer_list<std::string> ids);
  void Hear(std::initializer_list<std::string> ids);

  static PlacementQuery Query(absl::string_view request_id);
  static SignaturePush Push(absl::string_view request_id, const SignatureData& signature);
  static NodeReport Report(absl::string_view node_id);
  static LeaseKey Key(absl::string_view request_id, std::uint64_t lease_id = 0);

  // Places, and fails the test if that fails.
  Placement MustPlace(const PlacementQuery& query);
  Placement MustPlace(absl::string_view request_id) { return MustPlace(Query(request_id)); }
  LeaseOutcome MustRelease(absl::string_view request_id, std::uint64_t lease_id = 0);
  // A node as ListNodes tells it.
  NodeStatus Status(absl::string_view node_id);
  std::vector<float> Activation(absl::string_view node_id);
  ModelDescription Description();

  const ModelGeometry geometry_ = {2, 8, 2, {}};
  FakeClock clock_;
  NotingObserver observer_;
  std::unique_ptr<Router> router_;
};

}  // namespace eldr

#endif  // ELDR_TESTS_CORE_ROUTER_FIXTURE_H_
