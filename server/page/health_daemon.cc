// Health of what all models share: readiness, limits, state, certificates, records, access.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "server/page/health.h"
#include "server/record/event_log.h"
#include "server/record/signature_capture.h"

namespace eldr {
namespace {

using Sentences = std::vector<HealthSentence>;

constexpr absl::Duration kExpirySoon = absl::Hours(14 * 24);
constexpr absl::Duration kExpiryVerySoon = absl::Hours(24);

const prometheus::MetricFamily* FindFamily(const std::vector<prometheus::MetricFamily>& families,
                                           const std::string& name) {
  for (const prometheus::MetricFamily& family : families) {
    if (family.name == name) return &family;
  }
  return nullptr;
}

void LookAtReadiness(const ApiContext& context, Sentences& sentences) {
  const std::string why = context.not_ready();
  if (why.empty()) return;
  sentences.push_back({Severity::kCritical, "ready", "",
                       absl::StrCat("It takes no calls: ", why, "."),
                       "If it is not shutting down: see what the log says, and whether the gRPC "
                       "port answers on the machine itself."});
}

void LookAtCalls(const ApiContext& context, const std::vector<ModelDescription>& models,
                 Sentences& sentences) {
  const CallLimits::Counts counts = context.service.limits.counts();
  const CallLimitsConfig& most = context.config.limits;
  LookAtLimit("", "Calls being served", "limits.calls", counts.calls, most.calls, sentences);
  LookAtLimit("", "Open streams", "limits.streams", counts.streams, most.streams, sentences);
  LookAtLimit("", "Placements waiting for a signature", "limits.waits", counts.waits, most.waits,
              sentences);
  LookAtLimit("", "Declared models", "limits.models", models.size(),
              context.router().options().max_models, sentences);
  if (models.empty()) return;
  std::uint64_t refused = 0;
  const absl::Time since = context.service.clock.Wall() - absl::Minutes(5);
  for (const HistoryPoint& point : context.history.Points(models.front().spec.name, since)) {
    refused += point.refused_calls;  // of all models; each history has them
  }
  if (refused == 0) return;
  sentences.push_back({Severity::kWarning, "limits", "",
                       absl::StrFormat("Limits refused %d calls in the last 5 minutes.", refused),
                       "See eldr_limit_exceeded_total for the limit: the daemon is asked for more "
                       "than it may serve, or a client keeps what it does not use."});
}

void LookAtState(const ApiContext& context, const std::vector<prometheus::MetricFamily>& families,
                 Sentences& sentences) {
  if (context.config.state.directory.empty()) {
    sentences.push_back({Severity::kNote, "state", "",
                         "State is kept in memory alone: a restart forgets leases and what was "
                         "learned.",
                         "Set state_dir to keep them."});
    return;
  }
  const auto* const kept = FindFamily(families, "eldr_state_kept");
  if (kept == nullptr || kept->metric.empty() || kept->metric.front().gauge.value == 1) return;
  sentences.push_back({Severity::kCritical, "state", "",
                       "Changes do not reach the state file: a crash now would lose them.",
                       "See whether the disk of state_dir is full, slow or failing; it is tried "
                       "again every few seconds."});
}

void LookAtCertificates(const ApiContext& context,
                        const std::vector<prometheus::MetricFamily>& families,
                        Sentences& sentences) {
  const auto* const expiry = FindFamily(families, "eldr_tls_certificate_expiry_timestamp_seconds");
  if (expiry == nullptr) return;
  for (const prometheus::ClientMetric& metric : expiry->metric) {
    const absl::Duration left =
        absl::FromUnixSeconds(static_cast<std::int64_t>(metric.gauge.value)) -
        context.service.clock.Wall();
    if (left > kExpirySoon) continue;
    const std::string which = absl::StrJoin(
        metric.label, ", ",
        [](std::string* out, const auto& label) { absl::StrAppend(out, label.value); });
    const bool over = left <= absl::ZeroDuration();
    sentences.push_back(
        {left < kExpiryVerySoon ? Severity::kCritical : Severity::kWarning, "certificates", "",
         over ? absl::StrFormat("The certificate \"%s\" has expired.", which)
              : absl::StrFormat("The certificate \"%s\" is good for %.1f more days.", which,
                                absl::ToDoubleHours(left) / 24),
         "Replace its file; the daemon reads it again by itself, or at once after SIGHUP."});
  }
}

void LookAtRecord(const char* what, const char* key, const RecordFiles::Counts& counts,
                  Sentences& sentences) {
  if (counts.dropped == 0) return;
  sentences.push_back(
      {Severity::kWarning, "sinks", "",
       absl::StrFormat("%d records of the %s were dropped since the start, %d written.",
                       counts.dropped, what, counts.written),
       absl::StrFormat("The disk of %s does not keep up or is full. Placements do not wait for it.",
                       key)});
}

void LookAtAccess(const ApiContext& context, Sentences& sentences) {
  const Config& config = context.config;
  if (config.grpc.insecure && !config.tls.enabled()) {
    sentences.push_back({Severity::kNote, "access", "",
                         "The gRPC port serves other machines in plaintext.",
                         "Set tls.certificate and auth, unless the network is trusted."});
  }
  if (config.http.insecure && config.http.token_file.empty()) {
    sentences.push_back({Severity::kNote, "access", "",
                         "Whoever reaches the HTTP port may read this page.",
                         "Set http.token_file, unless the network is trusted."});
  }
}

}  // namespace

void LookAtDaemon(const ApiContext& context, const std::vector<ModelDescription>& models,
                  std::vector<HealthSentence>& sentences) {
  const std::vector<prometheus::MetricFamily> families = context.metrics();
  LookAtReadiness(context, sentences);
  LookAtCalls(context, models, sentences);
  LookAtState(context, families, sentences);
  LookAtCertificates(context, families, sentences);
  if (context.service.capture != nullptr) {
    LookAtRecord("captured signatures", "capture.directory", context.service.capture->counts(),
                 sentences);
  }
  if (context.service.event_log != nullptr) {
    LookAtRecord("event log", "event_log.directory", context.service.event_log->counts(),
                 sentences);
  }
  LookAtAccess(context, sentences);
}

}  // namespace eldr
