// The part of the books on a router that is about signatures.
#include <utility>

#include "core/residency/contribution.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/property/router_books.h"

namespace eldr {

const RouterBooks::Stored* RouterBooks::FindStored(const std::string& request_id) const {
  const auto it = stored_.find(request_id);
  const bool live = it != stored_.end() && now() - it->second.pushed_at < options_.signature_ttl;
  return live ? &it->second : nullptr;
}

RouterBooks::Told RouterBooks::Stored::told() const {
  return {signature.tokens(), signature.quality() == SignatureQuality::kPartial,
          signature.prompt_tokens(), in_chunks};
}

RouterBooks::Told RouterBooks::ToldOf(const std::string& request_id) const {
  if (const Stored* stored = FindStored(request_id)) return stored->told();
  const auto lease = leases_.find(request_id);
  return lease == leases_.end() ? Told{} : lease->second.told;
}

std::uint64_t RouterBooks::LifeOf(const std::string& request_id) const {
  const auto lives = lives_.find(request_id);
  return (lives == lives_.end() ? 0 : lives->second) + (Forgotten(request_id) ? 1 : 0);
}

bool RouterBooks::Forgotten(const std::string& request_id) const {
  return stored_.contains(request_id) && FindStored(request_id) == nullptr &&
         !leases_.contains(request_id);
}

bool RouterBooks::Replaces(const ExpertSignature& whole, const Told& told) {
  if (told.tokens == 0) return true;
  const bool part = whole.quality() == SignatureQuality::kPartial;
  if (part && !told.partial) return false;
  if (whole.tokens() >= told.tokens) return true;
  return !told.in_chunks && !(part && told.partial);
}

RouterBooks::PushFate RouterBooks::FateOf(const SignaturePush& push) const {
  const std::string request_id(push.request_id);
  const ExpertSignature signature = ExpertSignature::Parse(*push.signature, geometry_).value();
  const Told told = ToldOf(request_id);
  if (!push.append) {
    return Replaces(signature, told) ? PushFate::kTaken : PushFate::kKnownAlready;
  }
  const bool counts_are_there = told.tokens == 0 || FindStored(request_id) != nullptr;
  if (push.append_at) {
    if (*push.append_at + signature.tokens() <= told.tokens) return PushFate::kKnownAlready;
    const bool next = *push.append_at == told.tokens && counts_are_there;
    return next ? PushFate::kTaken : PushFate::kRefused;
  }
  const bool covered = told.prompt_tokens && told.tokens >= *told.prompt_tokens;
  if (covered && signature.prompt_tokens().value_or(0) <= told.tokens) {
    return PushFate::kKnownAlready;
  }
  return counts_are_there ? PushFate::kTaken : PushFate::kRefused;
}

std::vector<std::uint8_t> RouterBooks::Estimate(const ExpertSignature* signature) const {
  std::vector<std::uint8_t> codes(geometry_.cells());
  EstimateContribution(signature, prior_, geometry_, estimate_, absl::MakeSpan(codes));
  return codes;
}

void RouterBooks::LearnOnce(BookedLease& lease, const ExpertSignature* signature) {
  if (signature == nullptr || std::exchange(lease.learned, true)) return;
  prior_.Learn(*signature);
}

void RouterBooks::Pushed(const SignaturePush& push, PushFate fate, const PushResult& result) {
  const std::string request_id(push.request_id);
  if (Forgotten(request_id)) ++lives_[request_id];
  const Told before = ToldOf(request_id);
  const auto lease = leases_.find(request_id);
  EXPECT_EQ(result.updated_lease, lease != leases_.end());
  if (fate == PushFate::kKnownAlready) {
    EXPECT_EQ(result.tokens, before.tokens);
    EXPECT_EQ(result.quality,
              before.partial ? SignatureQuality::kPartial : SignatureQuality::kFull);
    return;
  }
  ExpertSignature signature = ExpertSignature::Parse(*push.signature, geometry_).value();
  if (const Stored* stored = push.append ? FindStored(request_id) : nullptr) {
    ExpertSignature sum = stored->signature;
    ASSERT_TRUE(sum.Append(signature, geometry_).ok());
    signature = sum;
  }
  EXPECT_EQ(result.tokens, signature.tokens());
  EXPECT_EQ(result.quality, signature.quality());
  if (signature.tokens() < before.tokens) ++lives_[request_id];
  const Stored now_known = {std::move(signature), now(), push.append || before.in_chunks};
  stored_.erase(request_id);
  if (lease != leases_.end()) {
    lease->second.codes = Estimate(&now_known.signature);
    lease->second.told = now_known.told();
    LearnOnce(lease->second, &now_known.signature);
  }
  if (lease == leases_.end() || now_known.told().may_grow())
    stored_.insert({request_id, now_known});
}

void RouterBooks::KeepIfItMayGrow(const std::string& request_id, const ExpertSignature& signature,
                                  bool in_chunks) {
  stored_.erase(request_id);
  const Stored stored = {signature, now(), in_chunks};
  if (stored.told().may_grow()) stored_.insert({request_id, stored});
}

void RouterBooks::Placed(const PlacementQuery& query, const Placement& placement) {
  const std::string request_id(query.request_id);
  if (Forgotten(request_id)) ++lives_[request_id];
  std::optional<ExpertSignature> in_query;
  if (query.signature) in_query = ExpertSignature::Parse(*query.signature, geometry_).value();

  if (const auto held = leases_.find(request_id); held != leases_.end()) {
    EXPECT_EQ(placement.reason, PlacementReason::kExistingLease);
    EXPECT_EQ(placement.lease_id, held->second.id);
    EXPECT_EQ(placement.node.node_id, held->second.node_id);
    held->second.ttl = query.lease_ttl.value_or(held->second.ttl);
    held->second.expires_at = now() + held->second.ttl;
    const Told before = ToldOf(request_id);
    if (in_query && Replaces(*in_query, before)) {
      if (in_query->tokens() < before.tokens) ++lives_[request_id];
      held->second.codes = Estimate(&*in_query);
      held->second.told = Stored{*in_query, now(), before.in_chunks}.told();
      LearnOnce(held->second, &*in_query);
      KeepIfItMayGrow(request_id, *in_query, before.in_chunks);
    }
    return;
  }
  EXPECT_EQ(placement.reason == PlacementReason::kMoved, moved_.has_value()) << request_id;
  const Stored* stored = FindStored(request_id);
  Told told = stored != nullptr ? stored->told() : moved_ ? moved_->told : Told{};
  if (in_query && !Replaces(*in_query, told)) in_query.reset();
  if (in_query && in_query->tokens() < told.tokens) ++lives_[request_id];
  if (in_query) told = Stored{*in_query, now(), told.in_chunks}.told();
  const ExpertSignature* signature = in_query            ? &*in_query
                                     : stored != nullptr ? &stored->signature
                                                         : nullptr;
  BookedLease lease;
  lease.told = told;
  lease.id = placement.lease_id;
  lease.node_id = std::string(placement.node.node_id);
  lease.codes = signature == nullptr && moved_ ? moved_->codes : Estimate(signature);
  lease.sequences = query.sequences;
  lease.kv_tokens = query.context_tokens + query.sequences * query.max_output_tokens;
  lease.learned = moved_ && moved_->learned;
  lease.ttl = query.lease_ttl.value_or(options_.lease_ttl);
  lease.placed_at = now();
  lease.expires_at = now() + lease.ttl;
  LearnOnce(lease, signature);
  nodes_.at(lease.node_id).placed_since_report += query.sequences;
  leases_[request_id] = std::move(lease);
  if (in_query) {
    KeepIfItMayGrow(request_id, *in_query, told.in_chunks);
  } else if (stored != nullptr && !stored->told().may_grow()) {
    stored_.erase(request_id);
  }
}

}  // namespace eldr
