// The calls of frontends and prefill workers, and what they are answered when they come again.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/property/random_traffic.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

constexpr std::size_t kMostPast = 100;

}  // namespace

PlacementQuery PlaceCall::Query(absl::string_view model) {
  PlacementQuery query;
  query.model = model;
  query.request_id = request_id;
  query.sequences = sequences;
  query.context_tokens = context_tokens;
  query.max_output_tokens = max_output_tokens;
  query.prefer_nodes = prefer.View();
  query.allow_nodes = allow.View();
  query.exclude_nodes = exclude.View();
  query.lease_ttl = lease_ttl;
  if (signature) query.signature = signature->Dense();
  return query;
}

SignaturePush PushCall::Push(absl::string_view model) {
  SignaturePush push;
  push.model = model;
  push.request_id = request_id;
  push.append = append;
  push.append_at = append_at;
  push.signature = sparse ? signature.Sparse() : signature.Dense();
  return push;
}

void RandomTraffic::Place() {
  PlaceCall call;
  call.request_id = AnyRequest();
  if (OneIn(4)) call.prefer.Add(AnyNode());
  if (OneIn(6)) {
    for (int i = 0; i < 4; ++i) call.allow.Add(AnyNode());
  }
  if (OneIn(4)) call.exclude.Add(AnyNode());
  const auto held = books_->leases().find(call.request_id);
  if (held != books_->leases().end() && OneIn(3)) call.exclude.Add(held->second.node_id);
  call.sequences = OneIn(5) ? 1 + static_cast<std::uint32_t>(Below(4)) : 1;
  call.context_tokens = Below(1000);
  call.max_output_tokens = Below(300);
  if (OneIn(3)) call.lease_ttl = absl::Seconds(1 + static_cast<std::int64_t>(Below(60)));
  if (OneIn(3)) {
    call.signature = AnySignature();
    if (OneIn(2)) call.signature->prompt_tokens = 100;
  }
  const std::optional<Placement> placement = Send(call);
  if (!placement) return;
  const std::uint64_t life = books_->LifeOf(call.request_id);
  Remember({std::move(call), life, placement->lease_id, 0});
}

std::optional<Placement> RandomTraffic::Send(PlaceCall& call) {
  router_->Step();  // so that the books know who is left before the choice
  const PlacementQuery query = call.Query(kModel);
  const auto held = books_->leases().find(call.request_id);
  const bool stays = held != books_->leases().end() &&
                     !call.exclude.ids().contains(held->second.node_id) &&
                     (call.allow.ids().empty() || call.allow.ids().contains(held->second.node_id));
  const std::set<std::string> eligible = books_->EligibleNodes(query);
  if (!stays && !eligible.empty()) books_->ExpectEnd(LeaseEnd::kMoved, {call.request_id});
  auto placement = router_->Place(query);
  if (!stays && eligible.empty()) {
    if (books_->EverFits(query)) {
      EXPECT_THAT(
          placement.status().code(),
          ::testing::AnyOf(absl::StatusCode::kUnavailable, absl::StatusCode::kResourceExhausted));
    } else {
      EXPECT_EQ(placement.status().code(), absl::StatusCode::kInvalidArgument);
    }
    return std::nullopt;
  }
  EXPECT_THAT(placement, IsOk());
  if (!placement.ok()) return std::nullopt;
  if (!stays) {
    EXPECT_THAT(eligible, ::testing::Contains(placement->node.node_id));
    for (const PlacedNode& fallback : placement->fallbacks) {
      EXPECT_THAT(eligible, ::testing::Contains(fallback.node_id));
      EXPECT_NE(fallback.node_id, placement->node.node_id);
    }
    EXPECT_EQ(placement->fallbacks.size(), std::min<std::size_t>(3, eligible.size() - 1));
  }
  placements_.push_back(absl::StrCat(call.request_id, " on ", placement->node.node_id));
  books_->Placed(query, *placement);
  return *std::move(placement);
}

void RandomTraffic::Push() {
  PushCall call;
  call.request_id = AnyRequest();
  call.signature = AnySignature();
  call.append = OneIn(2);
  if (OneIn(2)) call.signature.prompt_tokens = 60;
  call.sparse = OneIn(2);
  if (call.append && !OneIn(4)) {
    // Mostly the next chunk; now and then one that does not fit.
    call.append_at =
        OneIn(10) ? static_cast<std::uint32_t>(Below(40)) : books_->ToldOf(call.request_id).tokens;
  }
  const std::optional<PushResult> result = Send(call);
  if (!result) return;
  const std::uint64_t life = books_->LifeOf(call.request_id);
  Remember({std::move(call), life, 0, result->tokens});
}

std::optional<PushResult> RandomTraffic::Send(PushCall& call) {
  router_->Step();  // so that the books know what is left
  const SignaturePush push = call.Push(kModel);
  const RouterBooks::PushFate fate = books_->FateOf(push);
  const auto result = router_->PushSignature(push);
  if (fate == RouterBooks::PushFate::kRefused) {
    EXPECT_THAT(result,
                StatusIs(absl::StatusCode::kFailedPrecondition, ::testing::HasSubstr("append")));
    return std::nullopt;
  }
  EXPECT_THAT(result, IsOk());
  if (!result.ok()) return std::nullopt;
  books_->Pushed(push, fate, *result);
  return *result;
}

void RandomTraffic::Release() {
  ReleaseCall call = {AnyRequest(), 0};
  const auto held = books_->leases().find(call.request_id);
  if (held != books_->leases().end()) {
    if (OneIn(4)) {
      call.lease_id = held->second.id - 1;
    } else if (OneIn(2)) {
      call.lease_id = held->second.id;
    }
  }
  const std::uint64_t released = call.lease_id;
  if (Send(call) == LeaseOutcome::kDone) Remember({std::move(call), 0, released, 0});
}

LeaseOutcome RandomTraffic::Send(const ReleaseCall& call) {
  router_->Step();  // so that the books know who is left
  const auto held = books_->leases().find(call.request_id);
  const bool holds = held != books_->leases().end();
  const bool named = holds && (call.lease_id == 0 || call.lease_id == held->second.id);
  if (named) books_->ExpectEnd(LeaseEnd::kReleased, {call.request_id});
  const auto outcome = router_->Release({{kModel, call.request_id, call.lease_id}, {}, {}});
  EXPECT_THAT(outcome, IsOkAndHolds(named   ? LeaseOutcome::kDone
                                    : holds ? LeaseOutcome::kStale
                                            : LeaseOutcome::kNotHeld));
  if (named || (!holds && call.lease_id == 0)) books_->Released(call.request_id);
  return outcome.value_or(LeaseOutcome::kNotHeld);
}

void RandomTraffic::Renew() {
  const std::string request_id = AnyRequest();
  std::optional<absl::Duration> ttl;
  if (OneIn(2)) ttl = absl::Seconds(1 + static_cast<std::int64_t>(Below(60)));
  const auto renewed = router_->Renew({kModel, request_id, 0}, ttl);
  ASSERT_THAT(renewed, IsOk());
  const auto held = books_->leases().find(request_id);
  ASSERT_EQ(renewed->outcome == LeaseOutcome::kDone, held != books_->leases().end());
  if (renewed->outcome != LeaseOutcome::kDone) return;
  EXPECT_EQ(renewed->lease_ttl, ttl.value_or(held->second.ttl));
  books_->Renewed(request_id, renewed->lease_ttl);
}

void RandomTraffic::Remember(PastCall past) {
  if (past_.size() < kMostPast) {
    past_.push_back(std::move(past));
  } else {
    past_[Below(kMostPast)] = std::move(past);
  }
}

void RandomTraffic::Repeat() {
  if (past_.empty()) return;
  PastCall past = past_[Below(past_.size())];
  router_->Step();  // so that the books know what is left
  if (auto* const place = std::get_if<PlaceCall>(&past.call)) {
    const bool lives = books_->LifeOf(place->request_id) == past.life;
    const std::optional<Placement> again = Send(*place);
    if (!lives) return;
    ++repeated_;
    ASSERT_TRUE(again.has_value());
    EXPECT_EQ(again->lease_id, past.lease_id);
    EXPECT_EQ(again->reason, PlacementReason::kExistingLease);
  } else if (auto* const push = std::get_if<PushCall>(&past.call)) {
    const bool lives = books_->LifeOf(push->request_id) == past.life;
    const std::optional<PushResult> again = Send(*push);
    if (!lives) return;  // it was one of a new request, and was answered as that
    ++repeated_;
    // A chunk that does not say where it belongs counts once more, or is refused if what it would
    // continue is gone.
    const bool says_where = !push->append || push->append_at;
    ASSERT_TRUE(again.has_value() || !says_where);
    if (again) {
      EXPECT_GE(again->tokens, past.tokens);
    }
  } else if (past.lease_id != 0) {
    ++repeated_;
    EXPECT_NE(Send(std::get<ReleaseCall>(past.call)), LeaseOutcome::kDone);
  }
}

void RandomTraffic::ReleaseAll() {
  for (std::uint64_t i = 0; i < kRequests; ++i) {
    Send(ReleaseCall{absl::StrCat("r", i), 0});
    books_->CallDone();
  }
}

}  // namespace eldr
