#include <algorithm>
#include <numeric>
#include <random>

#include "core/policy/locality_band_policy.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/profile/vectors.h"
#include "tests/core/test_signature.h"

namespace eldr {
namespace {

using ::testing::ElementsAre;
using ::testing::IsNull;
using ::testing::NotNull;

constexpr std::uint32_t kExperts = 8;

class LocalityBandOnlineTest : public ::testing::Test {
 protected:
  LocalityBandOnlineTest() { SetNodes({1, 2}); }

  void Start(LocalityBandPolicy::Refits refits, std::shared_ptr<const Profile> profile = nullptr) {
    LocalityBandSettings settings;
    settings.profile = std::move(profile);
    policy_ = std::make_unique<LocalityBandPolicy>(settings, refits, geometry_);
    ChangeFleet();
  }
  // Tells the policy, and deals the regions out.
  void ChangeFleet() {
    policy_->OnFleetChange(nodes_);
    if (auto work = policy_->TakeWork(WorkLength::kShort)) {
      work->Run();
      policy_->FinishWork(*work);
    }
  }
  std::unique_ptr<BackgroundWork> TakeFit() { return policy_->TakeWork(WorkLength::kLong); }
  void StartOnline() { Start(LocalityBandPolicy::Refits::kContinually); }
  void StartStatic() { Start(LocalityBandPolicy::Refits::kNever); }

  void SetNodes(const std::vector<std::uint64_t>& ordinals) {
    nodes_.clear();
    for (const std::uint64_t ordinal : ordinals) {
      nodes_.push_back(std::make_unique<DecodeNode>());
      nodes_.back()->ordinal = ordinal;
      nodes_.back()->state = NodeState::kReady;
    }
    if (policy_ != nullptr) ChangeFleet();
  }

  // A profile whose centroid i lies along axis i.
  static std::shared_ptr<const Profile> AxesProfile(std::uint32_t count) {
    auto profile = std::make_shared<Profile>();
    profile->transform = CountTransform(1, kExperts);
    profile->centroids = VectorSet(count, kExperts);
    for (std::uint32_t i = 0; i < count; ++i) profile->centroids[i][i] = 1;
    return profile;
  }

  // A request at a time in seconds, mostly of one expert.
  void Arrive(double at, std::uint32_t expert) {
    TestSignature signature;
    signature.counts.assign(kExperts, 0);
    signature.counts[expert] = 20;
    signature.counts[random_() % kExperts] += 3;
    signature.tokens = 23;
    const ExpertSignature parsed = Parsed(signature, geometry_);
    policy_->Observe({std::nullopt, random_, &parsed, absl::Seconds(at)});
  }
  // One of each of the experts every 100 ms, in [from, to).
  void ArriveSteadily(double from, double to, const std::vector<std::uint32_t>& experts) {
    for (int tenth = static_cast<int>(from * 10 + 0.5); tenth < to * 10 - 0.5; ++tenth) {
      for (const std::uint32_t expert : experts) Arrive(tenth / 10.0, expert);
    }
  }
  void ArriveWithoutSignature(double at) {
    policy_->Observe({std::nullopt, random_, nullptr, absl::Seconds(at)});
  }

  // True if there was a fit to do.
  bool FitIfDue() {
    auto work = TakeFit();
    if (work == nullptr) return false;
    work->Run();
    policy_->FinishWork(*work);
    return true;
  }

  // The expert that the centroid of each node is mostly of, in the order of nodes.
  std::vector<std::uint32_t> Specialities() const {
    const VectorSet centroids =
        NodeCentroids(*policy_->regions().centroids(), *policy_->regions().owners());
    std::vector<std::uint32_t> experts;
    for (std::size_t i = 0; i < centroids.size(); ++i) {
      const auto centroid = centroids[i];
      experts.push_back(static_cast<std::uint32_t>(
          std::max_element(centroid.begin(), centroid.end()) - centroid.begin()));
    }
    return experts;
  }

  inline static const ModelGeometry geometry_ = {1, kExperts, 1, {}};
  std::mt19937_64 random_{5};
  std::vector<std::unique_ptr<DecodeNode>> nodes_;
  std::unique_ptr<LocalityBandPolicy> policy_;
};

TEST_F(LocalityBandOnlineTest, FitsFirstWhenTheWindowIsFull) {
  StartOnline();
  ArriveSteadily(100, 105, {3, 6});
  EXPECT_THAT(TakeFit(), IsNull());
  EXPECT_TRUE(policy_->regions().empty());
  Arrive(105, 3);
  ASSERT_TRUE(FitIfDue());
  EXPECT_THAT(Specialities(), ::testing::UnorderedElementsAre(3, 6));
  EXPECT_EQ(policy_->fits()->published, 1u);
}

TEST_F(LocalityBandOnlineTest, RefitsAnIntervalAfterTheStartOfTheLast) {
  StartOnline();
  ArriveSteadily(0, 5.1, {3, 6});
  auto work = TakeFit();
  ASSERT_THAT(work, NotNull());
  ArriveSteadily(5.1, 7, {3, 6});
  work->Run();
  policy_->FinishWork(*work);  // at 7, but it started at 5
  ArriveSteadily(7, 7.5, {3, 6});
  EXPECT_THAT(TakeFit(), IsNull());
  Arrive(7.5, 3);
  EXPECT_TRUE(FitIfDue());
  EXPECT_EQ(policy_->fits()->started, 2u);
}

TEST_F(LocalityBandOnlineTest, FitsOneAtATimeAndKeepsTheOldCentroidsMeanwhile) {
  Start(LocalityBandPolicy::Refits::kContinually, AxesProfile(2));
  ArriveSteadily(0, 5.1, {3, 6});
  auto work = TakeFit();
  ASSERT_THAT(work, NotNull());
  ArriveSteadily(5.1, 20, {3, 6});
  EXPECT_THAT(TakeFit(), IsNull());
  work->Run();
  EXPECT_THAT(Specialities(), ElementsAre(0, 1));  // of the profile
  policy_->FinishWork(*work);
  EXPECT_THAT(Specialities(), ::testing::UnorderedElementsAre(3, 6));
  Arrive(20, 3);
  EXPECT_TRUE(FitIfDue());
}

TEST_F(LocalityBandOnlineTest, FitsToTheWindowAlone) {
  StartOnline();
  ArriveSteadily(0, 5.1, {0, 1});
  ASSERT_TRUE(FitIfDue());
  ArriveSteadily(5.1, 10, {3, 6});
  FitIfDue();
  // At 10.1 all that came before 5.1 is too old.
  ArriveSteadily(10, 10.2, {3, 6});
  ASSERT_TRUE(FitIfDue());
  EXPECT_THAT(Specialities(), ::testing::UnorderedElementsAre(3, 6));
  EXPECT_EQ(policy_->fits()->started, 3u);
}

TEST_F(LocalityBandOnlineTest, NeedsAsManySignaturesAsNodes) {
  SetNodes({1, 2, 3});
  StartOnline();
  Arrive(0, 1);
  for (int second = 1; second <= 20; ++second) ArriveWithoutSignature(second);
  Arrive(21, 1);
  Arrive(21, 2);
  EXPECT_THAT(TakeFit(), IsNull());
  // Checked when a signature arrives, not when anything does.
  ArriveWithoutSignature(21);
  EXPECT_THAT(TakeFit(), IsNull());
  Arrive(21, 3);
  EXPECT_TRUE(FitIfDue());
}

TEST_F(LocalityBandOnlineTest, CountsTheRequestThatIsBeingPlaced) {
  SetNodes({1, 2, 3, 4});
  StartOnline();
  Arrive(0, 1);
  Arrive(5, 2);
  Arrive(5, 3);
  EXPECT_THAT(TakeFit(), IsNull());
  Arrive(5, 4);  // the fourth, with the first just inside the window
  EXPECT_THAT(TakeFit(), NotNull());
}

TEST_F(LocalityBandOnlineTest, KeepsTheOldCentroidsWhenAFitFails) {
  Start(LocalityBandPolicy::Refits::kContinually, AxesProfile(2));
  ArriveSteadily(0, 5.1, {3, 6});
  policy_->FinishWork(*TakeFit());  // not run
  EXPECT_EQ(policy_->fits()->failed, 1u);
  EXPECT_THAT(Specialities(), ElementsAre(0, 1));
  ArriveSteadily(5.1, 7.5, {3, 6});
  EXPECT_FALSE(FitIfDue());
  Arrive(7.5, 3);
  EXPECT_TRUE(FitIfDue());
  EXPECT_THAT(Specialities(), ::testing::UnorderedElementsAre(3, 6));
}

TEST_F(LocalityBandOnlineTest, LetsNodesKeepTheirIdentity) {
  SetNodes({1, 2, 3, 4});
  Start(LocalityBandPolicy::Refits::kContinually, AxesProfile(4));
  // The kinds arrive in another order than the nodes'.
  for (double at = 0; at < 30; at += 2.5) {
    ArriveSteadily(at, at + 2.5, {2, 0, 3, 1});
    FitIfDue();
    EXPECT_THAT(Specialities(), ElementsAre(0, 1, 2, 3)) << "at " << at;
  }
  EXPECT_GE(policy_->fits()->published, 9u);
}

TEST_F(LocalityBandOnlineTest, LeavesStaticCentroidsAlone) {
  Start(LocalityBandPolicy::Refits::kNever, AxesProfile(2));
  ArriveSteadily(0, 20, {3, 6});
  SetNodes({1, 3});
  ArriveSteadily(20, 40, {3, 6});
  EXPECT_EQ(policy_->fits()->started, 0u);
  EXPECT_THAT(Specialities(), ElementsAre(0, 1));
}

TEST_F(LocalityBandOnlineTest, FitsOnceWithoutAProfileAndAgainForAChangedFleet) {
  StartStatic();
  ArriveSteadily(0, 5.1, {3, 6});
  ASSERT_TRUE(FitIfDue());
  ArriveSteadily(5.1, 20, {3, 6, 1});
  EXPECT_FALSE(FitIfDue());
  const std::vector<std::uint32_t> before = Specialities();
  SetNodes({1, 2, 3});
  EXPECT_EQ(Specialities().size(), 3u);  // at once, by sharing
  Arrive(20, 3);
  ASSERT_TRUE(FitIfDue());
  const std::vector<std::uint32_t> after = Specialities();
  EXPECT_THAT(after, ::testing::UnorderedElementsAre(1, 3, 6));
  EXPECT_EQ(after[0], before[0]);
  EXPECT_EQ(after[1], before[1]);
}

TEST_F(LocalityBandOnlineTest, GivesALostNodesRegionToTheOthersAndBack) {
  SetNodes({1, 2, 3, 4});
  Start(LocalityBandPolicy::Refits::kContinually, AxesProfile(4));
  ArriveSteadily(0, 5.1, {0, 1, 2, 3});
  ASSERT_TRUE(FitIfDue());
  SetNodes({1, 2, 4});
  ArriveSteadily(5.1, 7.6, {0, 1, 2, 3});
  ASSERT_TRUE(FitIfDue());
  // Three clusters over four kinds: one is a mixture, at least two nodes are what they were.
  const std::vector<std::uint32_t> with_three = Specialities();
  ASSERT_EQ(with_three.size(), 3u);
  const std::vector<std::uint32_t> expected = {0, 1, 3};
  int kept = 0;
  for (std::size_t i = 0; i < 3; ++i) kept += with_three[i] == expected[i];
  EXPECT_GE(kept, 2);
  SetNodes({1, 2, 4, 9});
  ArriveSteadily(7.6, 10.2, {0, 1, 2, 3});
  ASSERT_TRUE(FitIfDue());
  EXPECT_THAT(Specialities(), ::testing::UnorderedElementsAre(0, 1, 2, 3));
}

TEST_F(LocalityBandOnlineTest, DropsAFitForAFleetThatIsNoMore) {
  Start(LocalityBandPolicy::Refits::kContinually, AxesProfile(2));
  ArriveSteadily(0, 5.1, {3, 6});
  auto work = TakeFit();
  ASSERT_THAT(work, NotNull());
  work->Run();
  SetNodes({1, 2, 3});
  policy_->FinishWork(*work);
  EXPECT_EQ(policy_->fits()->published, 0u);
  EXPECT_EQ(policy_->fits()->failed, 0u);
  EXPECT_EQ(policy_->regions().ordinals().size(), 3u);
  ArriveSteadily(5.1, 7.6, {3, 6, 1});
  ASSERT_TRUE(FitIfDue());
  EXPECT_EQ(policy_->fits()->published, 1u);
  EXPECT_THAT(policy_->regions().ordinals(), ElementsAre(1, 2, 3));
}

TEST_F(LocalityBandOnlineTest, AChangedFleetIsDealtOutInTheBackground) {
  SetNodes({1, 2});
  Start(LocalityBandPolicy::Refits::kNever, AxesProfile(2));
  nodes_.erase(nodes_.begin());
  nodes_.push_back(std::make_unique<DecodeNode>());
  nodes_.back()->ordinal = 3;
  nodes_.back()->state = NodeState::kReady;
  policy_->OnFleetChange(nodes_);
  Arrive(1, 0);
  EXPECT_THAT(policy_->regions().ordinals(), ElementsAre(1, 2)) << "the old owners serve meanwhile";
  auto work = policy_->TakeWork(WorkLength::kShort);
  ASSERT_THAT(work, NotNull());
  EXPECT_THAT(policy_->TakeWork(WorkLength::kShort), IsNull()) << "one at a time";
  Arrive(2, 0);
  policy_->FinishWork(*work);  // not run
  work = policy_->TakeWork(WorkLength::kShort);
  ASSERT_THAT(work, NotNull());
  work->Run();
  policy_->FinishWork(*work);
  EXPECT_THAT(policy_->regions().ordinals(), ElementsAre(2, 3));
  EXPECT_THAT(policy_->regions().OwnedBy(0), ElementsAre(1));
  EXPECT_THAT(policy_->regions().OwnedBy(1), ElementsAre(0));
  EXPECT_THAT(policy_->TakeWork(WorkLength::kShort), IsNull());
}

TEST_F(LocalityBandOnlineTest, AFleetThatChangesAgainMeanwhileIsDealtOutAgain) {
  Start(LocalityBandPolicy::Refits::kNever, AxesProfile(3));
  nodes_.pop_back();
  policy_->OnFleetChange(nodes_);
  auto work = policy_->TakeWork(WorkLength::kShort);
  ASSERT_THAT(work, NotNull());
  work->Run();
  nodes_.push_back(std::make_unique<DecodeNode>());
  nodes_.back()->ordinal = 5;
  nodes_.back()->state = NodeState::kReady;
  policy_->OnFleetChange(nodes_);
  policy_->FinishWork(*work);
  EXPECT_THAT(policy_->regions().ordinals(), ElementsAre(1)) << "a step on the way";
  ChangeFleet();
  EXPECT_THAT(policy_->regions().ordinals(), ElementsAre(1, 5));
}

TEST_F(LocalityBandOnlineTest, AnAssignmentOfFormerRegionsIsDropped) {
  Start(LocalityBandPolicy::Refits::kContinually, AxesProfile(2));
  ArriveSteadily(0, 5.1, {3, 6});
  auto fit = TakeFit();
  ASSERT_THAT(fit, NotNull());
  fit->Run();
  // The second node leaves and comes back while both are under way.
  std::unique_ptr<DecodeNode> second = std::move(nodes_.back());
  nodes_.pop_back();
  policy_->OnFleetChange(nodes_);
  auto assignment = policy_->TakeWork(WorkLength::kShort);
  ASSERT_THAT(assignment, NotNull());
  assignment->Run();
  nodes_.push_back(std::move(second));
  policy_->OnFleetChange(nodes_);
  policy_->FinishWork(*fit);
  EXPECT_EQ(policy_->fits()->published, 1u);
  policy_->FinishWork(*assignment);
  EXPECT_THAT(policy_->regions().ordinals(), ElementsAre(1, 2));
  EXPECT_THAT(Specialities(), ::testing::UnorderedElementsAre(3, 6));
  EXPECT_THAT(policy_->TakeWork(WorkLength::kShort), IsNull());
}

TEST_F(LocalityBandOnlineTest, KeepsEverythingWhenAllNodesAreGone) {
  Start(LocalityBandPolicy::Refits::kNever, AxesProfile(2));
  SetNodes({});
  EXPECT_THAT(policy_->regions().ordinals(), ElementsAre(1, 2));
  SetNodes({2});
  SetNodes({2, 3});
  EXPECT_THAT(policy_->regions().OwnedBy(0), ElementsAre(1));
  EXPECT_THAT(policy_->regions().OwnedBy(1), ElementsAre(0));
}

}  // namespace
}  // namespace eldr
