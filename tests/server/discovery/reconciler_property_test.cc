// Whatever happens to the fleet and to what is told of it, discovery leaves others' nodes as they
// are, and once it is told the whole, its own nodes are those that were found.
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/test_seed.h"
#include "tests/server/discovery/reconciler_fixture.h"

namespace eldr {
namespace {

class ReconcilerPropertyTest : public ReconcilerFixture {
 protected:
  static constexpr int kIds = 8;

  std::string AnyId() { return absl::StrCat("n", absl::Uniform(random_, 0, kIds)); }
  Endpoint AnyEndpoint(const std::string& id) {
    Endpoint endpoint = Decode(id, absl::Bernoulli(random_, 0.7));
    endpoint.address = absl::StrCat("host", absl::Uniform(random_, 0, 4), ":1");
    endpoint.instance = absl::StrCat("uid", absl::Uniform(random_, 0, 2));
    endpoint.roles.decode = absl::Bernoulli(random_, 0.9);
    if (absl::Bernoulli(random_, 0.3)) endpoint.expert_group = "group";
    return endpoint;
  }

  // What the fleet, an operator and the source do.
  void Event() {
    const std::string id = AnyId();
    switch (absl::Uniform(random_, 0, 10)) {
      case 0:
      case 1:
      case 2:
        ASSERT_THAT(list_->Put(id, {AnyEndpoint(id)}), IsOk());
        break;
      case 3:
        list_->Remove(id);
        break;
      case 4: {
        Endpoints all;
        for (int i = 0; i < 4; ++i) {
          const std::string some = AnyId();
          all[some] = {AnyEndpoint(some)};
        }
        ASSERT_THAT(list_->SetAll(std::move(all)), IsOk());
        break;
      }
      case 5:
        // Rarely: what others have is not discovery's to change.
        if (absl::Bernoulli(random_, 0.3)) Agent(id);
        break;
      case 6:
        if (absl::Bernoulli(random_, 0.1)) router_->RegisterNode(Node(id)).IgnoreError();
        break;
      case 7:
        router_->RemoveNode(id).IgnoreError();
        break;
      case 8:
        if (absl::Bernoulli(random_, 0.2)) Restart();
        break;
      default:
        router_->Place(Query(absl::StrCat("r", absl::Uniform(random_, 0, 50)))).IgnoreError();
    }
    clock_.Advance(absl::Seconds(absl::Uniform(random_, 0, 8)));
    router_->Step();
  }

  void Agent(const std::string& id) {
    NodeSpec spec = HeartbeatingNode(id);
    spec.address = absl::StrCat("host", absl::Uniform(random_, 0, 4), ":1");
    spec.incarnation = ++incarnation_;
    if (router_->RegisterNode(spec).ok()) Hear({id});
  }

  // All that is to be known of the nodes that are not discovery's.
  std::vector<std::string> Others() {
    std::vector<std::string> others;
    const auto list = router_->ListNodes("");
    for (const NodeStatus& node : list.value()) {
      if (IsDiscovered(node.spec)) continue;
      others.push_back(absl::StrCat(node.spec.node_id, " ", node.spec.address, " ",
                                    node.spec.incarnation, " ", node.draining, " ", node.leases,
                                    " ", Name(node.state), " ", node.spec.labels.size()));
    }
    return others;
  }

  // The ids that discovery has to keep, of what is found.
  std::set<std::string> Expected() {
    std::set<std::string> reported, others, ids;
    const auto list = router_->ListNodes("");
    for (const NodeStatus& node : list.value()) {
      if (IsDiscovered(node.spec)) continue;
      others.insert(node.spec.node_id);
      if (node.spec.heartbeat_interval > absl::ZeroDuration()) reported.insert(node.spec.address);
    }
    for (const Endpoint& endpoint : list_->Read().endpoints) {
      if (!endpoint.roles.decode || reported.count(endpoint.address) > 0) continue;
      if (others.count(endpoint.node_id) == 0) ids.insert(endpoint.node_id);
    }
    return ids;
  }

  void CheckSettled() {
    const std::set<std::string> expected = Expected();
    std::map<std::string, Endpoint> found;
    for (const Endpoint& endpoint : list_->Read().endpoints) found[endpoint.node_id] = endpoint;
    std::set<std::string> own;
    const auto list = router_->ListNodes("");
    for (const NodeStatus& node : list.value()) {
      if (!IsDiscovered(node.spec)) continue;
      own.insert(node.spec.node_id);
      EXPECT_EQ(expected.count(node.spec.node_id), 1u) << node.spec.node_id << " is not there";
      EXPECT_EQ(node.spec.address, found[node.spec.node_id].address);
      EXPECT_EQ(node.draining, !found[node.spec.node_id].ready) << node.spec.node_id;
    }
    for (const std::string& id : expected) {
      EXPECT_TRUE(!found[id].ready || own.count(id) == 1) << id << " is missing";
    }
  }

  std::mt19937_64 random_{TestSeed()};
  std::uint64_t incarnation_ = 0;
};

TEST_F(ReconcilerPropertyTest, OthersStayAsTheyAreAndOwnNodesAreThoseThatWereFound) {
  SCOPED_TRACE(SeedNote());
  int settled = 0, kept = 0;
  for (int step = 0; step < 4000; ++step) {
    SCOPED_TRACE(absl::StrCat("step ", step));
    Event();
    const std::vector<std::string> before = Others();
    reconciler_->Step();
    EXPECT_EQ(Others(), before);
    if (step % 50 == 49) {
      // The whole is told, and time passes.
      Endpoints all;
      for (const Endpoint& endpoint : list_->Read().endpoints) all[endpoint.node_id] = {endpoint};
      ASSERT_THAT(list_->SetAll(std::move(all)), IsOk());
      reconciler_->Step();
      clock_.Advance(kRemoveAfter);
      router_->Step();
      reconciler_->Step();
      CheckSettled();
      ++settled;
      kept += static_cast<int>(Expected().size());
    }
    if (HasFailure()) return;  // the rest would only repeat it
  }
  EXPECT_EQ(settled, 80);
  EXPECT_GT(kept, 80) << "it is of no use if there are hardly any";
  for (std::size_t kind = 0; kind < metrics_.changes.size(); ++kind) {
    EXPECT_GT(metrics_.changes[kind]->Value(), 0) << "no change of kind " << kind;
  }
}

}  // namespace
}  // namespace eldr
