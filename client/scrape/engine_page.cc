#include "client/scrape/engine_page.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/scrape/metrics_text.h"

namespace eldr::scrape {
namespace {

constexpr absl::string_view kStartTime = "process_start_time_seconds";
constexpr absl::string_view kPartRanks[] = {"tp_rank", "pp_rank", "moe_ep_rank"};
constexpr absl::string_view kSuffixes[] = {"_bucket", "_sum", "_count"};

bool IsHistogram(EngineMetric metric) {
  return metric == EngineMetric::kIterationTokens || metric == EngineMetric::kInterTokenLatency;
}

// Names the series, whichever part of its engine reports it.
std::string SeriesOf(const MetricSample& sample) {
  std::string key;
  for (const auto& [name, value] : sample.labels) {
    if (std::find(std::begin(kPartRanks), std::end(kPartRanks), name) == std::end(kPartRanks)) {
      absl::StrAppend(&key, name, "\t", value, "\n");
    }
  }
  return key;
}

class Reader {
 public:
  Reader(const EngineMetricNames& names, const LabelFilter& filter)
      : names_(names), filter_(filter) {}

  bool Wants(absl::string_view name) {
    found_ = nullptr;
    suffix_ = {};
    if (name == kStartTime) return true;
    for (std::size_t i = 0; i < kEngineMetrics && found_ == nullptr; ++i) {
      for (const std::string& own : names_[i]) {
        if (!Matches(name, own, IsHistogram(static_cast<EngineMetric>(i)))) continue;
        metric_ = static_cast<EngineMetric>(i);
        found_ = &own;
        break;
      }
    }
    return found_ != nullptr;
  }

  void Take(const MetricSample& sample) {
    if (found_ == nullptr) {
      start_time_ = sample.value;
      return;
    }
    for (const auto& [key, value] : filter_) {
      if (sample.label(key) != value) return;
    }
    if (++series_ > kMaxSeries) return;
    if (IsHistogram(metric_)) return TakeHistogram(sample);
    if (metric_ == EngineMetric::kAwake) {
      const absl::string_view state = sample.label("sleep_state");
      if (!state.empty() && state != "awake") return;
    }
    const auto [there, is_new] = gauges_[found_].try_emplace(SeriesOf(sample), sample.value);
    if (!is_new) there->second = std::max(there->second, sample.value);
  }

  absl::StatusOr<EnginePage> Finish() const {
    if (series_ > kMaxSeries) {
      return absl::InvalidArgumentError(
          absl::StrCat("the page has more than ", kMaxSeries, " series of what is read"));
    }
    EnginePage page;
    const auto running = FirstOf(EngineMetric::kRunning);
    if (running == nullptr) return Missing(EngineMetric::kRunning);
    if (absl::Status status = AddSequences(EngineMetric::kRunning, *running, page.running);
        !status.ok()) {
      return status;
    }
    for (const std::string& name : NamesOf(EngineMetric::kQueued)) {
      const auto rows = gauges_.find(&name);
      if (rows == gauges_.end()) continue;
      if (absl::Status status = AddSequences(EngineMetric::kQueued, rows->second, page.queued);
          !status.ok()) {
        return status;
      }
    }
    page.kv_usage = KvUsage();
    page.iteration_tokens = HistogramOf(EngineMetric::kIterationTokens);
    page.inter_token_latency = HistogramOf(EngineMetric::kInterTokenLatency);
    if (const Rows* rows = FirstOf(EngineMetric::kPromptTokens)) page.prompt_tokens = SumOf(*rows);
    if (const Rows* rows = FirstOf(EngineMetric::kAwake)) {
      page.asleep =
          std::all_of(rows->begin(), rows->end(), [](const auto& row) { return row.second == 0; });
    }
    if (start_time_ && std::isfinite(*start_time_)) page.start_time = start_time_;
    return page;
  }

 private:
  using Rows = std::map<std::string, double>;

  bool Matches(absl::string_view name, absl::string_view own, bool histogram) {
    if (!histogram) return SameMetricName(name, own);
    for (const absl::string_view suffix : kSuffixes) {
      if (name.size() == own.size() + suffix.size() && absl::EndsWith(name, suffix) &&
          SameMetricName(name.substr(0, own.size()), own)) {
        suffix_ = suffix;
        return true;
      }
    }
    return false;
  }

  void TakeHistogram(const MetricSample& sample) {
    PageHistogram& histogram = histograms_[found_];
    if (suffix_ == "_sum") {
      histogram.sum += sample.value;
    } else if (suffix_ == "_count") {
      histogram.count += sample.value;
    } else if (double bound = 0; absl::SimpleAtod(sample.label("le"), &bound)) {
      // A NaN would break the order of the map.
      if (!std::isnan(bound)) histogram.buckets[bound] += sample.value;
    }
  }

  const std::vector<std::string>& NamesOf(EngineMetric metric) const {
    return names_[static_cast<std::size_t>(metric)];
  }

  const Rows* FirstOf(EngineMetric metric) const {
    for (const std::string& name : NamesOf(metric)) {
      const auto rows = gauges_.find(&name);
      if (rows != gauges_.end()) return &rows->second;
    }
    return nullptr;
  }

  absl::Status Missing(EngineMetric metric) const {
    const std::vector<std::string>& names = NamesOf(metric);
    std::string labels;
    for (const auto& [key, value] : filter_) absl::StrAppend(&labels, " ", key, "=\"", value, "\"");
    return absl::InvalidArgumentError(absl::StrCat(
        Name(metric), ": the page has no ",
        names.empty() ? "name to look for" : absl::StrJoin(names, " or "),
        labels.empty() ? "" : " with", labels, "; is it the metrics page of this kind of engine?"));
  }

  static double SumOf(const Rows& rows) {
    double sum = 0;
    for (const auto& [series, value] : rows) sum += value;
    return sum;
  }

  static absl::Status AddSequences(EngineMetric metric, const Rows& rows, double& sum) {
    sum += SumOf(rows);
    if (sum >= 0 && sum <= kMostSequences) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat(Name(metric), ": got ", sum, " sequences, expected 0 to ", kMostSequences));
  }

  std::optional<double> KvUsage() const {
    const Rows* const rows = FirstOf(EngineMetric::kKvUsage);
    if (rows == nullptr) return std::nullopt;
    const double mean = SumOf(*rows) / static_cast<double>(rows->size());
    if (!(mean >= 0) || std::isinf(mean)) return std::nullopt;
    return std::min(mean, 1.0);
  }

  std::optional<PageHistogram> HistogramOf(EngineMetric metric) const {
    for (const std::string& name : NamesOf(metric)) {
      const auto found = histograms_.find(&name);
      if (found == histograms_.end()) continue;
      if (!std::isfinite(found->second.count) || !std::isfinite(found->second.sum)) {
        return std::nullopt;
      }
      return found->second;
    }
    return std::nullopt;
  }

  const EngineMetricNames& names_;
  const LabelFilter& filter_;
  // Of the name that was asked for last.
  const std::string* found_ = nullptr;  // one of names_
  EngineMetric metric_ = EngineMetric::kRunning;
  absl::string_view suffix_;
  std::size_t series_ = 0;
  std::map<const std::string*, Rows> gauges_;
  std::map<const std::string*, PageHistogram> histograms_;
  std::optional<double> start_time_;
};

}  // namespace

absl::StatusOr<EnginePage> ReadEnginePage(absl::string_view page, const EngineMetricNames& names,
                                          const LabelFilter& filter) {
  Reader reader(names, filter);
  ForEachSample(
      page, [&reader](absl::string_view name) { return reader.Wants(name); },
      [&reader](const MetricSample& sample) { reader.Take(sample); });
  return reader.Finish();
}

}  // namespace eldr::scrape
