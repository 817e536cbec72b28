#include "core/intake/intake.h"

#include <optional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/core/test_signature.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

class IntakeTest : public ::testing::Test {
 protected:
  ExpertSignature Covering(std::uint32_t tokens, std::optional<std::uint32_t> prompt = {}) const {
    TestSignature signature = SteadySignature(geometry_, tokens);
    signature.prompt_tokens = prompt;
    return Parsed(signature, geometry_);
  }
  static SignaturePush Push(std::optional<std::uint32_t> append_at = {}) {
    SignaturePush push;
    push.request_id = "r";
    push.prefill_worker = "p";
    push.append = append_at.has_value();
    push.append_at = append_at;
    return push;
  }
  // Judges a push and keeps what it brings; none if it brings nothing new.
  std::optional<std::uint32_t> Take(const SignaturePush& push, ExpertSignature chunk,
                                    const Lease* lease = nullptr) {
    auto news = intake_.Judge(push, std::move(chunk), lease);
    EXPECT_THAT(news, IsOk());
    if (!news.ok() || !*news) return std::nullopt;
    const std::uint32_t tokens = (*news)->signature.tokens();
    intake_.Keep("r", "p", **std::move(news), lease, now_);
    return tokens;
  }
  // As a placement by the signature would leave it.
  static Lease LeaseBy(const ExpertSignature& signature) {
    Lease lease;
    lease.request_id = "r";
    lease.quality = signature.quality();
    lease.signature_tokens = signature.tokens();
    lease.whole_prompt = signature.covers_prompt();
    lease.signature_coverage = signature.coverage();
    return lease;
  }

  const ModelGeometry geometry_ = {2, 8, 2, {}};
  MonotonicTime now_ = absl::Seconds(100);
  Intake intake_{geometry_, absl::Seconds(60), std::size_t{1} << 20};
};

TEST_F(IntakeTest, AChunkThatComesAgainIsKnown) {
  EXPECT_EQ(Take(Push(0), Covering(4, 10)), 4u);
  EXPECT_EQ(Take(Push(4), Covering(6, 10)), 10u);
  EXPECT_EQ(Take(Push(4), Covering(6, 10)), std::nullopt);
  EXPECT_EQ(Take(Push(0), Covering(4, 10)), std::nullopt);
  EXPECT_THAT(intake_.Judge(Push(12), Covering(2), nullptr),
              StatusIs(absl::StatusCode::kFailedPrecondition, ::testing::HasSubstr("append_at")));
}

TEST_F(IntakeTest, WhatAPlacementUsedUpIsKnownByItsLease) {
  Take(Push(), Covering(10, 10));
  const Lease lease = LeaseBy(Covering(10, 10));
  std::optional<ExpertSignature> none;
  intake_.Placed(lease, "p", none, now_);
  EXPECT_EQ(intake_.stored(), 0u) << "nothing more can come";
  EXPECT_EQ(Take(Push(6), Covering(4, 10), &lease), std::nullopt);
  EXPECT_EQ(intake_.Known("r", &lease).tokens, 10u);
}

TEST_F(IntakeTest, APartIsKeptWhileItsRequestIsPlaced) {
  std::optional<ExpertSignature> part = Covering(4, 10);
  const Lease lease = LeaseBy(*part);
  intake_.Placed(lease, "p", part, now_);
  EXPECT_EQ(intake_.stored(), 1u);
  EXPECT_FALSE(part.has_value()) << "taken";
  EXPECT_EQ(Take(Push(4), Covering(6, 10), &lease), 10u);
  EXPECT_EQ(intake_.stored(), 0u);
}

TEST_F(IntakeTest, AWholeSignatureOfAQueryIsLeftToItsCaller) {
  Take(Push(), Covering(4, 10));
  std::optional<ExpertSignature> whole = Covering(10, 10);
  intake_.Placed(LeaseBy(*whole), "p", whole, now_);
  EXPECT_TRUE(whole.has_value());
  EXPECT_EQ(intake_.stored(), 0u) << "the part that was pushed is of no use any more";
}

TEST_F(IntakeTest, AQueryCountsUnlessMoreIsKnown) {
  Take(Push(), Covering(6, 10));
  now_ += absl::Seconds(5);
  const ExpertSignature early = Covering(4, 10), whole = Covering(10, 10);
  const Intake::Knowledge pushed = intake_.Know("r", &early, "q", nullptr, now_);
  EXPECT_EQ(pushed.known.tokens, 6u);
  EXPECT_EQ(pushed.age, absl::Seconds(5));
  EXPECT_EQ(pushed.prefill_worker, "p");
  const Intake::Knowledge told = intake_.Know("r", &whole, "q", nullptr, now_);
  EXPECT_EQ(told.known.counts, &whole);
  EXPECT_EQ(told.age, absl::ZeroDuration());
  EXPECT_EQ(told.prefill_worker, "q");
}

TEST_F(IntakeTest, OnlyWhatIsNotThereIsWaitedFor) {
  int calls = 0;
  const auto wait = [&](const Lease* lease) {
    return intake_.Await("r", lease, [&calls] { ++calls; });
  };
  const Lease lease = LeaseBy(Covering(4));
  EXPECT_EQ(wait(&lease), 0u);
  const std::uint64_t id = wait(nullptr);
  EXPECT_NE(id, 0u);
  EXPECT_NE(wait(nullptr), 0u);
  EXPECT_TRUE(intake_.CancelWait(id));
  for (auto& callback : intake_.TakeWaiting("r")) callback();
  EXPECT_EQ(calls, 1);
  Take(Push(), Covering(4));
  EXPECT_EQ(wait(nullptr), 0u);
}

TEST_F(IntakeTest, StoredSignaturesEndByTimeAndWithTheirRequest) {
  Take(Push(), Covering(4));
  EXPECT_EQ(intake_.Expire(now_ + absl::Seconds(60)), 1u);
  Take(Push(), Covering(4));
  intake_.Forget("r");
  EXPECT_EQ(intake_.stored(), 0u);
  EXPECT_EQ(intake_.stored_bytes(), 0u);
}

}  // namespace
}  // namespace eldr
