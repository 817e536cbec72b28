// Between messages and core's structs: times, signatures, nodes, models, placements.
//
// What is borrowed (bytes, ids) lives as long as the message. Only what core's types cannot express
// is refused here; ranges and geometry are core's to judge.
#ifndef ELDR_SERVER_CONVERT_PROTO_CONVERT_H_
#define ELDR_SERVER_CONVERT_PROTO_CONVERT_H_

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/repeated_field.h>
#include <google/protobuf/timestamp.pb.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "core/route/router.h"
#include "eldr/v1/models.pb.h"
#include "eldr/v1/signature.pb.h"
#include "eldr/v1/step_time.pb.h"

namespace eldr {

// INVALID_ARGUMENT, naming `field`, if it is not a valid google.protobuf.Duration.
absl::StatusOr<absl::Duration> FromProto(const google::protobuf::Duration& duration,
                                         absl::string_view field);
// Saturates at what the message can hold.
void ToProto(absl::Duration duration, google::protobuf::Duration* proto);
void ToProto(absl::Time time, google::protobuf::Timestamp* proto);

inline absl::Span<const std::string* const> FromProto(
    const google::protobuf::RepeatedPtrField<std::string>& strings) {
  return absl::MakeConstSpan(strings.data(), static_cast<std::size_t>(strings.size()));
}

// Borrows the counts. INVALID_ARGUMENT, under `field`, for an unknown encoding.
absl::StatusOr<SignatureData> FromProto(const v1::ExpertSignature& signature,
                                        absl::string_view field);

ModelGeometry FromProto(const v1::ModelGeometry& geometry);
void ToProto(const ModelGeometry& geometry, v1::ModelGeometry* proto);
void ToProto(const ModelSpec& spec, v1::Model* proto);
void ToProto(const ModelDescription& description, v1::DescribeModelResponse* proto);

void ToProto(const StepTimeCoefficients& coefficients, v1::StepTimeCoefficients* proto);

// INVALID_ARGUMENT if a batch has more elements than one call may carry.
absl::Status CheckBatch(absl::string_view field, int elements);
inline constexpr int kMaxBatch = 10'000;

}  // namespace eldr

#endif  // ELDR_SERVER_CONVERT_PROTO_CONVERT_H_
