#include "tools/sim/traffic.h"

#include <utility>

#include "absl/memory/memory.h"
#include "core/base/status_macros.h"

namespace eldr::sim {
namespace {

enum Stream : std::uint64_t { kChoices = 2, kLengths = 3, kStarts = 4, kFates = 5 };

}  // namespace

absl::StatusOr<std::unique_ptr<Traffic>> Traffic::Create(const TrafficConfig& config,
                                                         absl::Duration duration,
                                                         const replay::Trace& trace,
                                                         const std::vector<std::size_t>& pool,
                                                         const std::vector<RecordedArrival>& record,
                                                         std::uint64_t seed) {
  ELDR_ASSIGN_OR_RETURN(DomainMix mix,
                        DomainMix::Create(config.mix, config.drift.value_or(MixDrift{}), duration,
                                          trace, pool, seed));
  std::unique_ptr<ArrivalProcess> process =
      config.arrivals == ArrivalKind::kFile
          ? MakeRecordedProcess(record, config.rate, seed)
          : MakeGammaProcess(config.rate, config.coefficient_of_variation, seed);
  return absl::WrapUnique(new Traffic(config, trace, std::move(mix), std::move(process), seed));
}

Traffic::Traffic(const TrafficConfig& config, const replay::Trace& trace, DomainMix mix,
                 std::unique_ptr<ArrivalProcess> process, std::uint64_t seed)
    : config_(config),
      trace_(trace),
      mix_(std::move(mix)),
      process_(std::move(process)),
      choices_(seed, kChoices),
      lengths_(seed, kLengths),
      starts_(seed, kStarts),
      fates_(seed, kFates) {}

replay::Arrival Traffic::Next() {
  const RecordedArrival recorded = process_->Next();
  replay::Arrival arrival;
  arrival.time = recorded.time;
  arrival.trace_request = mix_.Draw(recorded.time, choices_);
  const replay::TraceRequest& request = trace_.requests[arrival.trace_request];
  arrival.prompt_tokens = recorded.prompt_tokens;
  arrival.output_tokens = config_.output_from_file && recorded.output_tokens > 0
                              ? recorded.output_tokens
                              : replay::DrawOutputTokens(config_.output, request, lengths_);
  if (config_.random_repeat_start) {
    arrival.first_decode_row = static_cast<std::uint32_t>(starts_.Below(request.decode_rows));
  }
  arrival.signature = DrawFate();
  return arrival;
}

replay::SignatureFate Traffic::DrawFate() {
  const double draw = fates_.Uniform();
  if (draw < config_.missing_signatures) return replay::SignatureFate::kLost;
  if (draw < config_.missing_signatures + config_.late_signatures) {
    return replay::SignatureFate::kLate;
  }
  return replay::SignatureFate::kInTime;
}

}  // namespace eldr::sim
