#include "tools/loadgen/report.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace eldr::loadgen {
namespace {

using Json = nlohmann::ordered_json;

struct Percentile {
  double percent;
  const char* name;
};
constexpr Percentile kPercentiles[] = {{50, "p50"}, {90, "p90"}, {99, "p99"}, {99.9, "p99_9"}};

double PerSecond(std::uint64_t count, const TrafficResult& traffic) {
  const double seconds = absl::ToDoubleSeconds(traffic.measured);
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

double MiB(std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

std::string Row(const char* name, const CallRecord& record, const TrafficResult& traffic) {
  const Histogram& times = record.succeeded();
  std::string row = absl::StrFormat("%-9s %10.1f", name, PerSecond(times.count(), traffic));
  for (const Percentile& percentile : kPercentiles) {
    absl::StrAppendFormat(&row, " %9.3f",
                          absl::ToDoubleMilliseconds(times.Percentile(percentile.percent)));
  }
  absl::StrAppendFormat(&row, " %9.3f  %s\n", absl::ToDoubleMilliseconds(times.max()),
                        absl::StrJoin(record.by_code(), ", ", absl::PairFormatter(" ")));
  return row;
}

Json TimesJson(const Histogram& times) {
  Json json = Json::object();
  for (const Percentile& percentile : kPercentiles) {
    json[percentile.name] = absl::ToDoubleMicroseconds(times.Percentile(percentile.percent));
  }
  json["max"] = absl::ToDoubleMicroseconds(times.max());
  json["mean"] = absl::ToDoubleMicroseconds(times.Mean());
  return json;
}

Json RecordJson(const CallRecord& record, const TrafficResult& traffic) {
  Json json = {{"per_second", PerSecond(record.succeeded().count(), traffic)},
               {"by_code", record.by_code()},
               {"latency_us", TimesJson(record.succeeded())}};
  if (record.failed().count() > 0) {
    json["failed_per_second"] = PerSecond(record.failed().count(), traffic);
    json["failed_latency_us"] = TimesJson(record.failed());
    json["first_error"] = record.first_error();
  }
  return json;
}

}  // namespace

std::string FormatTable(const LoadOptions& options, const LoadResult& result) {
  const TrafficResult& traffic = result.traffic;
  std::string text = options.rate.has_value()
                         ? absl::StrFormat("open loop, %g placements/s, ", *options.rate)
                         : absl::StrFormat("closed loop, %d callers, ", options.concurrency);
  absl::StrAppendFormat(&text, "%s, %.1f s measured\n\n",
                        options.streams > 0 ? absl::StrCat(options.streams, " streams") : "unary",
                        absl::ToDoubleSeconds(traffic.measured));
  absl::StrAppendFormat(&text, "%-9s %10s %9s %9s %9s %9s %9s  %s\n", "call", "OK/s", "p50 ms",
                        "p90", "p99", "p99.9", "max", "calls by status");
  if (options.signatures == SignatureWay::kPushed) {
    text += Row("push", traffic.push, traffic);
  }
  text += Row("place", traffic.place, traffic);
  text += Row("release", traffic.release, traffic);
  for (const CallRecord* record : {&traffic.push, &traffic.place, &traffic.release}) {
    if (record->failed().count() == 0) continue;
    absl::StrAppendFormat(&text, "failed: p50 %.3f ms, p99 %.3f ms; the first: %s\n",
                          absl::ToDoubleMilliseconds(record->failed().Percentile(50)),
                          absl::ToDoubleMilliseconds(record->failed().Percentile(99)),
                          record->first_error());
  }
  if (options.rate.has_value()) {
    absl::StrAppendFormat(&text, "late sends %d (the latest by %.3f ms), not sent %d\n",
                          traffic.late_sends, absl::ToDoubleMilliseconds(traffic.latest_send),
                          traffic.not_sent);
  }
  if (traffic.not_held > 0) {
    absl::StrAppendFormat(&text, "released after their lease had ended: %d\n", traffic.not_held);
  }
  if (options.churn.has_value()) {
    absl::StrAppendFormat(&text, "nodes left %d times\n", result.fleet.departures);
  }
  if (result.fleet.failed_calls > 0) {
    absl::StrAppendFormat(&text, "failed calls of nodes: %d; the first: %s\n",
                          result.fleet.failed_calls, result.fleet.first_error);
  }
  if (result.server.has_value()) {
    absl::StrAppendFormat(
        &text,
        "server: %.1f us CPU per call, %.2f cores, resident %.1f MiB, then %.1f, at most %.1f\n",
        absl::ToDoubleMicroseconds(result.server->cpu_per_call), result.server->cores,
        MiB(result.server->resident_start), MiB(result.server->resident_end),
        MiB(result.server->resident_most));
  }
  return text;
}

std::string FormatJson(const LoadOptions& options, const LoadResult& result) {
  const TrafficResult& traffic = result.traffic;
  Json json = {{"loop", options.rate.has_value() ? "open" : "closed"},
               {"streams", options.streams},
               {"nodes", options.nodes},
               {"seed", options.seed},
               {"measured_seconds", absl::ToDoubleSeconds(traffic.measured)},
               {"interrupted", result.interrupted}};
  if (options.rate.has_value()) {
    json["rate"] = *options.rate;
    json["late_sends"] = traffic.late_sends;
    json["latest_send_us"] = absl::ToDoubleMicroseconds(traffic.latest_send);
    json["not_sent"] = traffic.not_sent;
  } else {
    json["concurrency"] = options.concurrency;
  }
  if (options.signatures == SignatureWay::kPushed) json["push"] = RecordJson(traffic.push, traffic);
  json["place"] = RecordJson(traffic.place, traffic);
  json["release"] = RecordJson(traffic.release, traffic);
  json["released_after_end"] = traffic.not_held;
  json["leases_left"] = result.leases_left;
  json["departures"] = result.fleet.departures;
  json["failed_node_calls"] = result.fleet.failed_calls;
  if (result.server.has_value()) {
    json["server"] = {{"cpu_us_per_call", absl::ToDoubleMicroseconds(result.server->cpu_per_call)},
                      {"cores", result.server->cores},
                      {"resident_bytes_start", result.server->resident_start},
                      {"resident_bytes_end", result.server->resident_end},
                      {"resident_bytes_most", result.server->resident_most}};
  }
  return json.dump(2) + "\n";
}

}  // namespace eldr::loadgen
