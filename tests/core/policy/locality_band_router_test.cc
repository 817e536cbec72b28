// The locality band behind the router: hooks, background jobs, churn.
#include <map>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/router_fixture.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class LocalityBandRouterTest : public RouterFixture {
 protected:
  // Places a request of a kind: those of one kind use the same experts.
  Placement PlaceKind(std::uint32_t kind, bool leave = true) {
    TestSignature signature = SteadySignature(geometry_, 10, kind * 2);
    const std::string id = absl::StrCat("r", next_++);
    PlacementQuery query = Query(id);
    query.signature = signature.Dense();
    Placement placement = MustPlace(query);
    if (leave) MustRelease(id);
    return placement;
  }

  // For so long, ten times a second, a request of each kind.
  void Traffic(absl::Duration length, const std::vector<std::uint32_t>& kinds) {
    for (absl::Duration at; at < length; at += absl::Milliseconds(100)) {
      for (const std::uint32_t kind : kinds) PlaceKind(kind);
      clock_.Advance(absl::Milliseconds(100));
    }
  }

  std::size_t RunJobs() {
    std::vector<BackgroundJob> jobs = router_->TakeBackgroundJobs();
    for (BackgroundJob& job : jobs) {
      job.Run();
      job.Publish();
    }
    return jobs.size();
  }

  int next_ = 0;
};

TEST_F(LocalityBandRouterTest, GathersKindsOnceAJobHasRun) {
  StartWithPolicy("locality_band_online");
  RegisterNodes({"a", "b"});
  // Nothing is known: least loaded, and of equals the first.
  EXPECT_EQ(PlaceKind(0).node.node_id, "a");
  EXPECT_EQ(PlaceKind(1).node.node_id, "a");
  Traffic(absl::Seconds(5), {0, 1});
  EXPECT_THAT(router_->TakeBackgroundJobs(), IsEmpty());
  PlaceKind(0);
  EXPECT_EQ(RunJobs(), 1u);
  // With two nodes the second best always joins the band, so load decides between equals; the
  // fallbacks and ties show who is who only if there are more. Three nodes:
  RegisterNodes({"c"});
  EXPECT_EQ(RunJobs(), 1u);  // deals the regions out
  Traffic(absl::Seconds(3), {0, 1, 2});
  EXPECT_EQ(RunJobs(), 1u);
  std::map<std::uint32_t, std::set<std::string>> nodes_of;
  for (int round = 0; round < 30; ++round) {
    for (std::uint32_t kind = 0; kind < 3; ++kind) {
      nodes_of[kind].emplace(PlaceKind(kind, /*leave=*/false).node.node_id);
    }
  }
  for (const auto& [kind, nodes] : nodes_of) EXPECT_LE(nodes.size(), 2u) << kind;
}

TEST_F(LocalityBandRouterTest, HasNoJobsForPoliciesWithoutAny) {
  for (const std::string policy : {"residency", "least_loaded", "round_robin"}) {
    StartWithPolicy(policy);
    RegisterNodes({"a", "b"});
    Traffic(absl::Seconds(6), {0, 1});
    EXPECT_THAT(router_->TakeBackgroundJobs(), IsEmpty()) << policy;
  }
}

TEST_F(LocalityBandRouterTest, TakesADroppedJobForAFailedOne) {
  StartWithPolicy("locality_band_online");
  RegisterNodes({"a", "b"});
  Traffic(absl::Seconds(5), {0, 1});
  PlaceKind(0);
  EXPECT_THAT(router_->TakeBackgroundJobs(), SizeIs(1));  // and drops it
  Traffic(absl::Seconds(2.5), {0, 1});
  PlaceKind(0);
  EXPECT_EQ(RunJobs(), 1u);
}

TEST_F(LocalityBandRouterTest, PlacesWhileAJobRuns) {
  StartWithPolicy("locality_band_online");
  RegisterNodes({"a", "b"});
  Traffic(absl::Seconds(5), {0, 1});
  PlaceKind(0);
  std::vector<BackgroundJob> jobs = router_->TakeBackgroundJobs();
  ASSERT_THAT(jobs, SizeIs(1));
  jobs[0].Run();
  Traffic(absl::Seconds(5), {0, 1});
  EXPECT_THAT(router_->TakeBackgroundJobs(), IsEmpty());
  jobs[0].Publish();
  jobs[0].Publish();  // harmless
  PlaceKind(0);
  EXPECT_EQ(RunJobs(), 1u);
}

// A profile's regions over 600 nodes: a placement after a change finds the old owners, and the
// work that deals them out anew is there for another thread.
TEST_F(LocalityBandRouterTest, HandsOutTheAssignmentOfALargeFleet) {
  PolicySettings settings;
  settings.policy = "locality_band";
  auto profile = std::make_shared<Profile>();
  profile->transform = CountTransform(geometry_.layers, geometry_.experts);
  profile->centroids = VectorSet(600, geometry_.cells());
  for (std::size_t i = 0; i < 600; ++i) profile->centroids[i][i % geometry_.cells()] = 1;
  settings.locality_band.profile = profile;
  Start({}, settings);
  for (int i = 0; i < 600; ++i) {
    ASSERT_THAT(router_->RegisterNode(Node(absl::StrCat("n", i))), IsOk());
  }
  EXPECT_EQ(RunJobs(), 1u) << "before any placement";
  ASSERT_THAT(router_->RemoveNode("n7"), IsOk());
  PlaceKind(0);
  std::vector<BackgroundJob> jobs = router_->TakeBackgroundJobs(WorkLength::kShort);
  ASSERT_THAT(jobs, SizeIs(1));
  PlaceKind(0);
  EXPECT_THAT(router_->TakeBackgroundJobs(), IsEmpty()) << "one at a time";
  jobs[0].Run();
  jobs[0].Publish();
  EXPECT_EQ(RunJobs(), 0u);
}

TEST_F(LocalityBandRouterTest, RefusesSettingsOutOfRangeAndProfilesOfOtherModels) {
  const auto declare = [&](auto change) {
    ModelSpec spec = {"other", geometry_, {}};
    spec.settings.policy = "locality_band";
    change(spec.settings.locality_band);
    return router_->DeclareModel(spec).status();
  };
  using Settings = LocalityBandSettings;
  EXPECT_THAT(declare([](Settings& s) { s.tau = -0.1; }),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("locality_band.tau")));
  EXPECT_THAT(declare([](Settings& s) { s.window = absl::ZeroDuration(); }),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("locality_band.window")));
  EXPECT_THAT(
      declare([](Settings& s) { s.refit_interval = absl::Hours(2); }),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("locality_band.refit_interval")));
  const auto profile = std::make_shared<Profile>();
  profile->transform = CountTransform(3, 2);
  profile->centroids = VectorSet(1, 6);
  EXPECT_THAT(declare([&](Settings& s) { s.profile = profile; }),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("centroids[0]")));
  profile->centroids[0][0] = 1;
  EXPECT_THAT(declare([&](Settings& s) { s.profile = profile; }),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("profile.L")));
  EXPECT_THAT(declare([](Settings&) {}), IsOk());
}

TEST_F(LocalityBandRouterTest, TellsItsParametersAndKnowsEqualProfiles) {
  ModelSpec spec = {"other", geometry_, {}};
  spec.settings.policy = "locality_band";
  const auto make_profile = [&] {
    auto profile = std::make_shared<Profile>();
    profile->transform = CountTransform(geometry_.layers, geometry_.experts);
    profile->centroids = VectorSet(1, geometry_.cells());
    profile->centroids[0][0] = 1;
    return profile;
  };
  spec.settings.locality_band.profile = make_profile();
  spec.settings.locality_band.seeded_ties = true;
  ASSERT_THAT(router_->DeclareModel(spec), IsOk());
  spec.settings.locality_band.profile = make_profile();  // read again from the same file
  EXPECT_THAT(router_->DeclareModel(spec), IsOk());
  spec.settings.locality_band.profile = nullptr;
  EXPECT_THAT(router_->DeclareModel(spec), StatusIs(absl::StatusCode::kFailedPrecondition));

  const auto description = router_->DescribeModel("other");
  ASSERT_THAT(description, IsOk());
  EXPECT_EQ(description->parameters.at("locality_band.tau"), 0.1);
  EXPECT_EQ(description->parameters.at("locality_band.seeded_ties"), 1);
  EXPECT_EQ(description->parameters.at("locality_band.window"), 5);
  EXPECT_EQ(description->parameters.at("locality_band.refit_interval"), 2.5);
  EXPECT_EQ(Description().parameters.count("locality_band.tau"), 0u);
}

// A node joins or leaves every second for a minute: no placement fails and no lease leaks.
class LocalityBandChurnTest : public LocalityBandRouterTest,
                              public ::testing::WithParamInterface<const char*> {};

TEST_P(LocalityBandChurnTest, PlacesEverythingThroughChurn) {
  StartWithPolicy(GetParam());
  RegisterNodes({"n0", "n1", "n2", "n3"});
  std::mt19937_64 random(3);
  std::vector<std::string> nodes = {"n0", "n1", "n2", "n3"};
  std::multimap<int, std::string> ends;  // by tenth of a second
  std::uint64_t placed = 0;
  for (int tenth = 0; tenth < 600; ++tenth) {
    if (tenth % 10 == 9) {
      const std::size_t at = random() % nodes.size();
      if (random() % 2 == 0 && nodes.size() > 1) {
        if (random() % 2 == 0) {
          ASSERT_THAT(router_->RemoveNode(nodes[at]), IsOk());
        } else {
          ASSERT_THAT(router_->DrainNode(nodes[at]), IsOk());
        }
        nodes.erase(nodes.begin() + static_cast<std::ptrdiff_t>(at));
      } else {
        nodes.push_back(absl::StrCat("m", tenth));
        ASSERT_THAT(router_->RegisterNode(Node(nodes.back())), IsOk());
      }
    }
    for (std::uint32_t kind = 0; kind < 4; ++kind) {
      const std::string id = absl::StrCat("r", next_);
      const Placement placement = PlaceKind(kind, /*leave=*/false);
      ASSERT_EQ(std::count(nodes.begin(), nodes.end(), placement.node.node_id), 1)
          << placement.node.node_id;
      ends.emplace(tenth + 1 + static_cast<int>(random() % 40), id);
      ++placed;
    }
    while (!ends.empty() && ends.begin()->first <= tenth) {
      ASSERT_THAT(router_->Release({Key(ends.begin()->second), {}, {}}), IsOk());
      ends.erase(ends.begin());
    }
    if (tenth % 3 == 0) RunJobs();
    clock_.Advance(absl::Milliseconds(100));
  }
  EXPECT_EQ(placed, 2400u);
  for (const auto& [tenth, id] : ends) {
    ASSERT_THAT(router_->Release({Key(id), {}, {}}), IsOk());
  }
  EXPECT_EQ(Description().leases, 0u);
}

INSTANTIATE_TEST_SUITE_P(EveryMode, LocalityBandChurnTest,
                         ::testing::Values("locality_band", "locality_band_online"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace eldr
