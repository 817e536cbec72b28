#include "tests/property/router_books.h"

#include <algorithm>
#include <utility>

#include "core/residency/residency_map.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace eldr {
namespace {

bool Names(absl::Span<const std::string* const> ids, const std::string& id) {
  return std::any_of(ids.begin(), ids.end(),
                     [&](const std::string* other) { return *other == id; });
}

}  // namespace

void RouterBooks::ExpectEnd(LeaseEnd end, const std::set<std::string>& request_ids) {
  for (const std::string& id : request_ids) {
    if (leases_.contains(id)) expected_ends_[id] = end;
  }
}

void RouterBooks::ExpectEndOfLeasesOn(const std::string& node_id, LeaseEnd end) {
  for (const auto& [request_id, lease] : leases_) {
    if (lease.node_id == node_id) expected_ends_[request_id] = end;
  }
}

void RouterBooks::CallDone() {
  EXPECT_TRUE(expected_ends_.empty()) << "the lease of " << expected_ends_.begin()->first
                                      << " did not end as " << Name(expected_ends_.begin()->second);
  expected_ends_.clear();
  EXPECT_THAT(expected_adoptions_, ::testing::IsEmpty());
  expected_adoptions_.clear();
  moved_.reset();
  for (const auto& [request_id, lease] : leases_) {
    EXPECT_GT(lease.expires_at, now()) << request_id << " has outlived its time";
  }
}

void RouterBooks::OnLeaseEnded(absl::string_view, const Lease& lease, LeaseEnd end) {
  EXPECT_TRUE(ended_ids_.insert(lease.id).second) << "lease " << lease.id << " ended twice";
  ++ends_[end];
  const auto it = leases_.find(lease.request_id);
  ASSERT_NE(it, leases_.end()) << lease.request_id << " ended as " << Name(end)
                               << " without a lease";
  BookedLease& booked = it->second;
  EXPECT_EQ(booked.id, lease.id);
  EXPECT_EQ(booked.node_id, lease.node->spec.node_id);
  EXPECT_EQ(booked.codes, lease.contribution) << lease.request_id;
  EXPECT_EQ(booked.kv_tokens, lease.kv_tokens);
  const auto expected = expected_ends_.find(lease.request_id);
  if (end == LeaseEnd::kExpired) {
    EXPECT_LE(booked.expires_at, now());
  } else if (end == LeaseEnd::kNodeLost) {
    const BookedNode& node = nodes_.at(booked.node_id);
    EXPECT_TRUE(node.heard && now() - *node.heard > options_.node_timeout) << booked.node_id;
  } else {
    EXPECT_TRUE(expected != expected_ends_.end() && expected->second == end)
        << lease.request_id << " ended as " << Name(end);
  }
  if (expected != expected_ends_.end()) expected_ends_.erase(expected);
  nodes_.at(booked.node_id).ended_since_report += booked.sequences;
  last_end_[{lease.request_id, booked.node_id}] = now();
  if (end == LeaseEnd::kMoved) moved_ = std::move(booked);
  leases_.erase(it);
}

void RouterBooks::OnLeaseAdopted(absl::string_view, const Lease& lease) {
  ++adoptions_;
  EXPECT_EQ(expected_adoptions_.erase(lease.request_id), 1u) << lease.request_id;
  const Stored* stored = FindStored(lease.request_id);
  BookedLease booked;
  booked.id = lease.id;
  booked.node_id = lease.node->spec.node_id;
  booked.codes = Estimate(stored == nullptr ? nullptr : &stored->signature);
  booked.ttl = options_.lease_ttl;
  booked.placed_at = now();
  booked.expires_at = now() + booked.ttl;
  LearnOnce(booked, stored == nullptr ? nullptr : &stored->signature);
  EXPECT_TRUE(leases_.insert({lease.request_id, std::move(booked)}).second) << lease.request_id;
}

RouterBooks::Reconciliation RouterBooks::ExpectReconciliation(const std::string& node_id,
                                                              const std::set<std::string>& named) {
  Reconciliation expected;
  for (const std::string& id : named) {
    const auto lease = leases_.find(id);
    if (lease != leases_.end()) {
      if (lease->second.node_id != node_id) ++expected.conflicts;
      continue;
    }
    const auto end = last_end_.find({id, node_id});
    if (end != last_end_.end() && now() - end->second < 2 * options_.node_timeout &&
        nodes_.at(node_id).spec.heartbeat_interval > absl::ZeroDuration()) {
      ++expected.not_adopted;
      ++refused_adoptions_;
    } else {
      expected.adopted.insert(id);
    }
  }
  for (const auto& [id, lease] : leases_) {
    if (lease.node_id != node_id || named.contains(id)) continue;
    if (now() - lease.placed_at >= options_.confirm_grace) expected.unconfirmed.insert(id);
  }
  expected_adoptions_ = expected.adopted;
  ExpectEnd(LeaseEnd::kUnconfirmed, expected.unconfirmed);
  return expected;
}

void RouterBooks::OnNodeRegistered(const DecodeNode& node) {
  BookedNode& booked = nodes_[node.spec.node_id];
  const NodeState state = booked.state;  // joining, if it is new
  booked = BookedNode{};
  booked.spec = node.spec;
  booked.state = state;
}

void RouterBooks::OnNodeState(const DecodeNode& node, NodeState before) {
  BookedNode& booked = nodes_.at(node.spec.node_id);
  EXPECT_EQ(booked.state, before) << node.spec.node_id;
  booked.state = node.state;
  if (node.state != NodeState::kLost) return;
  booked.reported = 0;
  booked.kv_usage.reset();
  booked.placed_since_report = 0;
  booked.ended_since_report = 0;
}

void RouterBooks::OnNodeDraining(const DecodeNode& node) {
  nodes_.at(node.spec.node_id).draining = node.draining;
}

void RouterBooks::OnNodeRemoved(const DecodeNode& node) {
  for (const auto& [request_id, lease] : leases_) {
    EXPECT_NE(lease.node_id, node.spec.node_id) << request_id << " is left behind";
  }
  nodes_.erase(node.spec.node_id);
  // A node that takes the id later is another.
  std::erase_if(last_end_, [&](const auto& end) { return end.first.second == node.spec.node_id; });
}

void RouterBooks::Registered(const NodeSpec& spec) { nodes_.at(spec.node_id).spec = spec; }

void RouterBooks::Heard(const NodeReport& report, const HeartbeatResult& result) {
  BookedNode& node = nodes_.at(std::string(report.node_id));
  node.heard = now();
  node.reported = report.running + report.queued;
  node.kv_usage = report.kv_usage;
  node.placed_since_report = 0;
  node.ended_since_report = 0;
  std::uint32_t leases = 0;
  for (const auto& [id, lease] : leases_) {
    if (lease.node_id == report.node_id) ++leases;
  }
  EXPECT_EQ(result.leases, leases);
  for (const std::string* id : report.running_request_ids) {
    const auto it = leases_.find(*id);
    if (it == leases_.end() || it->second.node_id != report.node_id) continue;
    it->second.expires_at = now() + it->second.ttl;
  }
}

const RouterBooks::Stored* RouterBooks::FindStored(const std::string& request_id) const {
  const auto it = stored_.find(request_id);
  const bool live = it != stored_.end() && now() - it->second.pushed_at < options_.signature_ttl;
  return live ? &it->second : nullptr;
}

std::uint32_t RouterBooks::StoredTokens(const std::string& request_id) const {
  const Stored* stored = FindStored(request_id);
  return stored == nullptr ? 0 : stored->signature.tokens();
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

void RouterBooks::Pushed(const SignaturePush& push, const PushResult& result) {
  const std::string request_id(push.request_id);
  ExpertSignature signature = ExpertSignature::Parse(*push.signature, geometry_).value();
  if (const Stored* stored = push.append ? FindStored(request_id) : nullptr) {
    ExpertSignature sum = stored->signature;
    ASSERT_TRUE(sum.Append(signature, geometry_).ok());
    signature = sum;
  }
  EXPECT_EQ(result.tokens, signature.tokens());
  EXPECT_EQ(result.quality, signature.quality());
  const auto lease = leases_.find(request_id);
  EXPECT_EQ(result.updated_lease, lease != leases_.end());
  if (lease != leases_.end()) {
    lease->second.codes = Estimate(&signature);
    LearnOnce(lease->second, &signature);
  }
  stored_.erase(request_id);
  if (lease == leases_.end() || signature.quality() == SignatureQuality::kPartial) {
    stored_.insert({request_id, {std::move(signature), now()}});
  }
}

void RouterBooks::Placed(const PlacementQuery& query, const Placement& placement) {
  const std::string request_id(query.request_id);
  std::optional<ExpertSignature> in_query;
  if (query.signature) in_query = ExpertSignature::Parse(*query.signature, geometry_).value();

  if (const auto held = leases_.find(request_id); held != leases_.end()) {
    EXPECT_EQ(placement.reason, PlacementReason::kExistingLease);
    EXPECT_EQ(placement.lease_id, held->second.id);
    EXPECT_EQ(placement.node.node_id, held->second.node_id);
    held->second.ttl = query.lease_ttl.value_or(held->second.ttl);
    held->second.expires_at = now() + held->second.ttl;
    if (in_query) {
      held->second.codes = Estimate(&*in_query);
      LearnOnce(held->second, &*in_query);
      stored_.erase(request_id);
    }
    return;
  }
  EXPECT_EQ(placement.reason == PlacementReason::kMoved, moved_.has_value()) << request_id;
  const Stored* stored = FindStored(request_id);
  const ExpertSignature* signature = in_query            ? &*in_query
                                     : stored != nullptr ? &stored->signature
                                                         : nullptr;
  BookedLease lease;
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
    stored_.erase(request_id);
    if (in_query->quality() == SignatureQuality::kPartial) {
      stored_.insert({request_id, {*std::move(in_query), now()}});
    }
  } else if (stored != nullptr && stored->signature.quality() == SignatureQuality::kFull) {
    stored_.erase(request_id);
  }
}

void RouterBooks::Renewed(const std::string& request_id, absl::Duration ttl) {
  BookedLease& lease = leases_.at(request_id);
  lease.ttl = ttl;
  lease.expires_at = now() + ttl;
}

void RouterBooks::Released(const std::string& request_id) { stored_.erase(request_id); }

bool RouterBooks::ReportIsFresh(const BookedNode& node) const {
  return !stale_ && node.heard && now() - *node.heard <= options_.node_timeout;
}

std::uint32_t RouterBooks::Load(const BookedNode& node, std::uint32_t sequences) const {
  if (!ReportIsFresh(node)) return sequences;
  const std::uint32_t known = node.reported + node.placed_since_report;
  return std::max(sequences, known - std::min(known, node.ended_since_report));
}

std::set<std::string> RouterBooks::EligibleNodes(const PlacementQuery& query) const {
  const std::uint64_t kv = query.context_tokens + query.sequences * query.max_output_tokens;
  std::set<std::string> eligible, below_usage, preferred;
  for (const auto& [id, node] : nodes_) {
    if (node.state != NodeState::kReady || node.draining) continue;
    if (Names(query.exclude_nodes, id)) continue;
    if (!query.allow_nodes.empty() && !Names(query.allow_nodes, id)) continue;
    std::uint32_t leases = 0;
    std::uint64_t kv_tokens = 0;
    for (const auto& [request_id, lease] : leases_) {
      if (lease.node_id != id) continue;
      ++leases;
      kv_tokens += lease.kv_tokens;
    }
    if (node.spec.capacity > 0 && leases >= node.spec.capacity) continue;
    if (node.spec.kv_capacity_tokens > 0 && kv_tokens + kv > node.spec.kv_capacity_tokens) continue;
    eligible.insert(id);
    const bool above = ReportIsFresh(node) && node.kv_usage.value_or(0) > options_.max_kv_usage;
    if (!above) below_usage.insert(id);
  }
  if (!below_usage.empty()) eligible = below_usage;
  for (const std::string& id : eligible) {
    if (Names(query.prefer_nodes, id)) preferred.insert(id);
  }
  return preferred.empty() ? eligible : preferred;
}

bool RouterBooks::EverFits(const PlacementQuery& query) const {
  const std::uint64_t kv = query.context_tokens + query.sequences * query.max_output_tokens;
  bool any_is_permitted = false;
  for (const auto& [id, node] : nodes_) {
    if (Names(query.exclude_nodes, id)) continue;
    if (!query.allow_nodes.empty() && !Names(query.allow_nodes, id)) continue;
    any_is_permitted = true;
    if (node.spec.kv_capacity_tokens == 0 || kv <= node.spec.kv_capacity_tokens) return true;
  }
  return !any_is_permitted;
}

void RouterBooks::Compare(const Router& router) const {
  const auto statuses = router.ListNodes("");
  ASSERT_TRUE(statuses.ok());
  ASSERT_EQ(statuses->size(), nodes_.size());
  for (const NodeStatus& status : *statuses) {
    const std::string& id = status.spec.node_id;
    SCOPED_TRACE(id);
    const BookedNode& node = nodes_.at(id);
    std::uint32_t leases = 0, sequences = 0, group_leases = 0;
    std::uint64_t kv_tokens = 0;
    ResidencyMap residency(geometry_.cells());
    for (const auto& [request_id, lease] : leases_) {
      const NodeSpec& on = nodes_.at(lease.node_id).spec;
      if (on.group_name() == node.spec.group_name()) {
        ++group_leases;
        residency.Add(lease.codes, lease.sequences * on.tokens_per_step);
      }
      if (lease.node_id != id) continue;
      ++leases;
      sequences += lease.sequences;
      kv_tokens += lease.kv_tokens;
    }
    EXPECT_EQ(status.state, node.state);
    EXPECT_EQ(status.draining, node.draining);
    EXPECT_EQ(status.leases, leases);
    EXPECT_EQ(status.kv_tokens, kv_tokens);
    EXPECT_EQ(status.load, Load(node, sequences));
    EXPECT_EQ(status.expected_experts_per_layer, residency.expected_experts() / geometry_.layers);
    const auto told = router.GetResidency(id);
    ASSERT_TRUE(told.ok());
    EXPECT_EQ(told->leases, group_leases);
    EXPECT_EQ(told->activation, residency.Activation());  // bit for bit
  }
  std::size_t stored = 0;
  for (const auto& [request_id, signature] : stored_) stored += FindStored(request_id) != nullptr;
  const std::vector<ModelDescription> models = router.ListModels();
  ASSERT_EQ(models.size(), 1u);
  EXPECT_EQ(models[0].leases, leases_.size());
  EXPECT_EQ(models[0].stored_signatures, stored);
  EXPECT_EQ(models[0].learned_requests, prior_.learned_requests());
  EXPECT_EQ(models[0].stale_fleet, stale_);
}

}  // namespace eldr
