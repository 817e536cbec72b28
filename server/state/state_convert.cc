#include "server/state/state_convert.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "eldr/storage/v1/state.pb.h"
#include "server/convert/fleet_convert.h"
#include "server/convert/proto_convert.h"

namespace eldr {
namespace {

template <typename Message>
bool Parse(absl::string_view bytes, Message& message) {
  return bytes.size() <= std::numeric_limits<int>::max() &&
         message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

// False, with nothing copied, if there are not as many.
template <typename Array>
bool CopyTerms(const google::protobuf::RepeatedField<double>& from, Array& to) {
  if (static_cast<std::size_t>(from.size()) != to.size()) return false;
  std::copy(from.begin(), from.end(), to.begin());
  return true;
}

void Encode(const GroupSteps& steps, storage::v1::StoredStepTimes* proto) {
  const StepTimeModel::Learned& learned = steps.learned;
  proto->set_expert_group(steps.expert_group);
  proto->mutable_configured()->Add(learned.configured.begin(), learned.configured.end());
  proto->set_slowness(learned.slowness);
  proto->set_shape_squared(learned.shape_squared);
  proto->set_shape_sum(learned.shape_sum);
  proto->set_separable_weight(learned.separable_weight);
  for (const StepTimeModel::Terms& row : learned.term_products) {
    proto->mutable_term_products()->Add(row.begin(), row.end());
  }
  proto->mutable_term_sums()->Add(learned.term_sums.begin(), learned.term_sums.end());
  proto->mutable_factors()->Add(learned.factors.begin(), learned.factors.end());
  for (const StepTimeModel::BucketOffset& bucket : learned.offsets) {
    proto->add_bucket_max_batch(bucket.max_batch);
    proto->add_bucket_offset(bucket.offset);
  }
}

bool Decode(const storage::v1::StoredStepTimes& proto, GroupSteps& steps) {
  StepTimeModel::Learned& learned = steps.learned;
  constexpr std::size_t kTerms = StepTimeModel::kTerms;
  std::array<double, kTerms * kTerms> products{};
  if (!CopyTerms(proto.configured(), learned.configured) ||
      !CopyTerms(proto.term_products(), products) ||
      !CopyTerms(proto.term_sums(), learned.term_sums) ||
      !CopyTerms(proto.factors(), learned.factors) ||
      proto.bucket_max_batch_size() != proto.bucket_offset_size()) {
    return false;
  }
  for (std::size_t i = 0; i < products.size(); ++i) {
    learned.term_products[i / kTerms][i % kTerms] = products[i];
  }
  steps.expert_group = proto.expert_group();
  learned.slowness = proto.slowness();
  learned.shape_squared = proto.shape_squared();
  learned.shape_sum = proto.shape_sum();
  learned.separable_weight = proto.separable_weight();
  for (int i = 0; i < proto.bucket_max_batch_size(); ++i) {
    learned.offsets.push_back({proto.bucket_max_batch(i), proto.bucket_offset(i)});
  }
  return true;
}

}  // namespace

std::string EncodeModel(absl::string_view name, const ModelGeometry& geometry,
                        absl::string_view policy) {
  storage::v1::StoredModel proto;
  proto.set_name(name.data(), name.size());
  ToProto(geometry, proto.mutable_geometry());
  proto.set_policy(policy.data(), policy.size());
  return proto.SerializeAsString();
}

std::optional<ModelRecord> DecodeModelRow(absl::string_view bytes) {
  storage::v1::StoredModel proto;
  if (!Parse(bytes, proto)) return std::nullopt;
  ModelRecord record;
  record.name = proto.name();
  record.geometry = FromProto(proto.geometry());
  record.policy = proto.policy();
  return record;
}

std::string EncodeNode(const NodeRecord& node) {
  storage::v1::StoredNode proto;
  ToProto(node.spec, proto.mutable_spec());
  proto.set_ordinal(node.ordinal);
  ToProto(node.register_time, proto.mutable_register_time());
  proto.set_state(ToProto(node.state));
  proto.set_draining(node.draining);
  return proto.SerializeAsString();
}

std::optional<NodeRecord> DecodeNodeRow(absl::string_view bytes) {
  storage::v1::StoredNode proto;
  if (!Parse(bytes, proto)) return std::nullopt;
  absl::StatusOr<NodeSpec> spec = FromProto(proto.spec());
  if (!spec.ok()) return std::nullopt;
  NodeRecord record;
  record.spec = *std::move(spec);
  record.ordinal = proto.ordinal();
  record.register_time = absl::FromUnixSeconds(proto.register_time().seconds()) +
                         absl::Nanoseconds(proto.register_time().nanos());
  switch (proto.state()) {
    case v1::NODE_STATE_READY:
      record.state = NodeState::kReady;
      break;
    case v1::NODE_STATE_LOST:
      record.state = NodeState::kLost;
      break;
    default:
      record.state = NodeState::kJoining;
  }
  record.draining = proto.draining();
  return record;
}

std::string EncodeLease(absl::string_view model, const LeaseRecord& lease) {
  storage::v1::StoredLease proto;
  proto.set_id(lease.id);
  proto.set_model(model.data(), model.size());
  proto.set_request_id(lease.request_id);
  proto.set_node_id(lease.node_id);
  proto.set_sequences(lease.sequences);
  proto.set_context_tokens(lease.context_tokens);
  proto.set_kv_tokens(lease.kv_tokens);
  proto.set_quality(static_cast<std::uint32_t>(lease.quality));
  proto.set_signature_coverage(lease.signature_coverage);
  proto.set_learned(lease.learned);
  proto.set_signature_tokens(lease.signature_tokens);
  proto.set_whole_prompt(lease.whole_prompt);
  proto.set_appended(lease.appended);
  ToProto(lease.ttl, proto.mutable_ttl());
  return proto.SerializeAsString();
}

std::optional<StoredLeaseRecord> DecodeLeaseRow(absl::string_view bytes) {
  storage::v1::StoredLease proto;
  if (!Parse(bytes, proto)) return std::nullopt;
  const absl::StatusOr<absl::Duration> ttl = FromProto(proto.ttl(), "ttl");
  if (!ttl.ok() || proto.quality() > static_cast<std::uint32_t>(SignatureQuality::kMissing)) {
    return std::nullopt;
  }
  return StoredLeaseRecord{
      proto.model(),
      {proto.id(), proto.request_id(), proto.node_id(), proto.sequences(), proto.context_tokens(),
       proto.kv_tokens(), static_cast<SignatureQuality>(proto.quality()),
       proto.signature_coverage(), proto.learned(), *ttl, proto.signature_tokens(),
       proto.whole_prompt(), proto.appended()}};
}

std::string EncodeLearned(const LearnedRecord& learned) {
  storage::v1::StoredLearned proto;
  proto.set_requests(learned.prior.requests);
  proto.mutable_activation()->Add(learned.prior.activation.begin(), learned.prior.activation.end());
  for (const GroupSteps& steps : learned.step_times) {
    Encode(steps, proto.add_step_times());
  }
  return proto.SerializeAsString();
}

std::optional<LearnedRecord> DecodeLearnedRow(absl::string_view bytes) {
  storage::v1::StoredLearned proto;
  if (!Parse(bytes, proto)) return std::nullopt;
  LearnedRecord record;
  record.prior = {proto.requests(), {proto.activation().begin(), proto.activation().end()}};
  for (const storage::v1::StoredStepTimes& steps : proto.step_times()) {
    if (GroupSteps group; Decode(steps, group)) {
      record.step_times.push_back(std::move(group));
    }
  }
  return record;
}

std::string EncodeMemory(const PolicyMemory& memory) {
  storage::v1::StoredPolicyMemory proto;
  proto.set_fingerprint(memory.fingerprint);
  proto.set_dimension(static_cast<std::uint32_t>(memory.centroids.dimension()));
  const absl::Span<const float> values = memory.centroids.values();
  proto.mutable_centroids()->Add(values.begin(), values.end());
  for (std::size_t i = 0; i < memory.ordinals.size(); ++i) {
    storage::v1::StoredPolicyMemory::Owner* const owner = proto.add_owners();
    owner->set_ordinal(memory.ordinals[i]);
    owner->mutable_regions()->Add(memory.owned[i].begin(), memory.owned[i].end());
  }
  return proto.SerializeAsString();
}

std::optional<PolicyMemory> DecodeMemoryRow(absl::string_view bytes) {
  storage::v1::StoredPolicyMemory proto;
  if (!Parse(bytes, proto)) return std::nullopt;
  const std::size_t dimension = proto.dimension();
  const auto values = static_cast<std::size_t>(proto.centroids_size());
  if (dimension == 0 || values % dimension != 0) return std::nullopt;
  PolicyMemory memory;
  memory.fingerprint = proto.fingerprint();
  for (std::size_t i = 0; i < values; i += dimension) {
    memory.centroids.Add(absl::MakeConstSpan(proto.centroids().data() + i, dimension));
  }
  for (const storage::v1::StoredPolicyMemory::Owner& owner : proto.owners()) {
    memory.ordinals.push_back(owner.ordinal());
    memory.owned.emplace_back(owner.regions().begin(), owner.regions().end());
  }
  return memory;
}

}  // namespace eldr
