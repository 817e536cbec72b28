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
  ++lives_[lease.request_id];
  if (end != LeaseEnd::kMoved && end != LeaseEnd::kNodeLost && end != LeaseEnd::kNodeRemoved) {
    stored_.erase(lease.request_id);  // the request is over
  }
  nodes_.at(booked.node_id).ended_since_report += booked.sequences;
  last_end_[{lease.request_id, booked.node_id}] = now();
  if (end == LeaseEnd::kMoved) moved_ = std::move(booked);
  leases_.erase(it);
}

void RouterBooks::OnLeaseAdopted(absl::string_view, const Lease& lease) {
  ++adoptions_;
  EXPECT_EQ(expected_adoptions_.erase(lease.request_id), 1u) << lease.request_id;
  if (Forgotten(lease.request_id)) ++lives_[lease.request_id];
  const Stored* stored = FindStored(lease.request_id);
  BookedLease booked;
  booked.id = lease.id;
  booked.node_id = lease.node->spec.node_id;
  booked.codes = Estimate(stored == nullptr ? nullptr : &stored->signature);
  if (stored != nullptr) booked.told = stored->told();
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
    if (end != last_end_.end() && now() - end->second < 2 * options_.node_timeout) {
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

std::set<std::string> RouterBooks::FinishedBy(const NodeReport& report) const {
  const std::string node_id(report.node_id);
  std::set<std::string> ended;
  const auto end = [&](const std::string& id, std::uint64_t lease_id) {
    const auto lease = leases_.find(id);
    if (lease == leases_.end() || lease->second.node_id != node_id) return;
    if (lease_id != 0) {
      if (lease_id == lease->second.id) ended.insert(id);
      return;
    }
    const auto before = last_end_.find({id, node_id});
    const bool may_be_of_the_one_before =
        before != last_end_.end() && now() - before->second < 2 * options_.node_timeout;
    if (!may_be_of_the_one_before && !Names(report.running_request_ids, id)) ended.insert(id);
  };
  for (const std::string* id : report.finished_request_ids) end(*id, 0);
  for (const FinishedRequest& finished : report.finished) {
    end(std::string(finished.request_id), finished.lease_id);
  }
  return ended;
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

void RouterBooks::Renewed(const std::string& request_id, absl::Duration ttl) {
  BookedLease& lease = leases_.at(request_id);
  lease.ttl = ttl;
  lease.expires_at = now() + ttl;
}

void RouterBooks::Released(const std::string& request_id) {
  if (stored_.erase(request_id) > 0) ++lives_[request_id];
}

bool RouterBooks::ReportIsFresh(const BookedNode& node) const {
  return node.heard && now() - *node.heard <= options_.node_timeout;
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
    if (status.state == NodeState::kLostInPanic) {
      EXPECT_TRUE(panic_ && node.state == NodeState::kReady && !ReportIsFresh(node));
    } else {
      EXPECT_EQ(status.state, node.state);
    }
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
  EXPECT_EQ(models[0].panic_mode, panic_);
}

}  // namespace eldr
