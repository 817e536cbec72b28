#include "server/convert/proto_convert.h"

#include <cstdint>

#include "absl/strings/str_cat.h"

namespace eldr {
namespace {

// The bounds of google.protobuf.Duration: 10,000 years.
constexpr std::int64_t kMaxSeconds = 315'576'000'000;
constexpr std::int32_t kMaxNanos = 999'999'999;

}  // namespace

absl::StatusOr<absl::Duration> FromProto(const google::protobuf::Duration& duration,
                                         absl::string_view field) {
  const std::int64_t seconds = duration.seconds();
  const std::int32_t nanos = duration.nanos();
  const bool in_range = seconds >= -kMaxSeconds && seconds <= kMaxSeconds && nanos >= -kMaxNanos &&
                        nanos <= kMaxNanos;
  const bool one_sign = (seconds <= 0 || nanos >= 0) && (seconds >= 0 || nanos <= 0);
  if (!in_range || !one_sign) {
    return absl::InvalidArgumentError(absl::StrCat(
        field, ": got seconds ", seconds, " and nanos ", nanos,
        ", expected a valid duration: at most 315576000000 s, nanos under 10^9 and of one sign"));
  }
  return absl::Seconds(seconds) + absl::Nanoseconds(nanos);
}

void ToProto(absl::Duration duration, google::protobuf::Duration* proto) {
  const absl::Duration most = absl::Seconds(kMaxSeconds);
  if (duration > most) duration = most;
  if (duration < -most) duration = -most;
  proto->set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  proto->set_nanos(
      static_cast<std::int32_t>(absl::IDivDuration(duration, absl::Nanoseconds(1), &duration)));
}

void ToProto(absl::Time time, google::protobuf::Timestamp* proto) {
  const std::int64_t seconds = absl::ToUnixSeconds(time);  // rounds down
  proto->set_seconds(seconds);
  proto->set_nanos(
      static_cast<std::int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

absl::StatusOr<SignatureData> FromProto(const v1::ExpertSignature& signature,
                                        absl::string_view field) {
  SignatureData data;
  data.tokens = signature.tokens();
  if (signature.has_prompt_tokens()) data.prompt_tokens = signature.prompt_tokens();
  if (signature.has_dense()) {
    SignatureData::Dense dense;
    switch (signature.dense().encoding()) {
      case v1::COUNT_ENCODING_UINT8:
        dense.width = CountWidth::k8;
        break;
      case v1::COUNT_ENCODING_UINT16:
        dense.width = CountWidth::k16;
        break;
      case v1::COUNT_ENCODING_UINT32:
        dense.width = CountWidth::k32;
        break;
      default:
        return absl::InvalidArgumentError(absl::StrCat(
            field, ".dense.encoding: got ", static_cast<int>(signature.dense().encoding()),
            ", expected COUNT_ENCODING_UINT8, _UINT16 or _UINT32"));
    }
    dense.bytes = absl::string_view(signature.dense().data());
    data.counts = dense;
  } else if (signature.has_sparse()) {
    const auto& indices = signature.sparse().indices();
    const auto& counts = signature.sparse().counts();
    data.counts = SignatureData::Sparse{
        absl::MakeConstSpan(indices.data(), static_cast<std::size_t>(indices.size())),
        absl::MakeConstSpan(counts.data(), static_cast<std::size_t>(counts.size()))};
  }
  return data;
}

ModelGeometry FromProto(const v1::ModelGeometry& geometry) {
  const auto& hidden = geometry.moe_hidden_layers();
  return {.layers = geometry.layers(),
          .experts = geometry.experts(),
          .top_k = geometry.top_k(),
          .moe_hidden_layers = {hidden.begin(), hidden.end()}};
}

void ToProto(const ModelGeometry& geometry, v1::ModelGeometry* proto) {
  proto->set_layers(geometry.layers);
  proto->set_experts(geometry.experts);
  proto->set_top_k(geometry.top_k);
  proto->mutable_moe_hidden_layers()->Assign(geometry.moe_hidden_layers.begin(),
                                             geometry.moe_hidden_layers.end());
}

void ToProto(const ModelSpec& spec, v1::Model* proto) {
  proto->set_name(spec.name);
  ToProto(spec.geometry, proto->mutable_geometry());
  proto->set_policy(spec.settings.policy);
  proto->set_shadow_policy(spec.settings.shadow_policy);
}

void ToProto(const StepTimeCoefficients& coefficients, v1::StepTimeCoefficients* proto) {
  proto->set_base(coefficients.base);
  proto->set_per_expert(coefficients.per_expert);
  proto->set_per_request(coefficients.per_request);
  proto->set_per_context_token(coefficients.per_context_token);
  proto->set_slowness(coefficients.slowness);
  proto->set_bucket_offset(coefficients.bucket_offset);
}

void ToProto(const ModelDescription& description, v1::DescribeModelResponse* proto) {
  ToProto(description.spec, proto->mutable_model());
  proto->mutable_parameters()->insert(description.parameters.begin(), description.parameters.end());
  proto->set_nodes(description.nodes);
  proto->set_ready_nodes(description.ready_nodes);
  proto->set_leases(description.leases);
  proto->set_stored_signatures(description.stored_signatures);
  proto->set_stored_signature_bytes(description.stored_signature_bytes);
  proto->set_learned_requests(description.learned_requests);
  proto->set_panic_mode(description.panic_mode);
  proto->set_decode_observations(description.decode_observations);
  proto->set_stored_blocks(description.stored_blocks);
  proto->set_stored_block_bytes(description.stored_block_bytes);
}

absl::Status CheckBatch(absl::string_view field, int elements) {
  if (elements <= kMaxBatch) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": got ", elements, " elements, expected at most ", kMaxBatch));
}

}  // namespace eldr
