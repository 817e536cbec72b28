#include "server/metrics/fleet_collector.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/record/event_log.h"
#include "server/record/signature_capture.h"

namespace eldr {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

using Labels = std::vector<ClientMetric::Label>;

ClientMetric Series(Labels labels, double value, MetricType type) {
  ClientMetric metric;
  metric.label = std::move(labels);
  // Only the one that the family's type names is read.
  (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  return metric;
}

// One family with a series per node for which `read` has a value.
struct NodeGauge {
  const char* name;
  const char* help;
  std::optional<double> (*read)(const NodeStatus& node);
};

constexpr NodeGauge kNodeGauges[] = {
    {"eldr_node_leases", "Leases the node holds.",
     [](const NodeStatus& node) { return std::optional<double>(node.leases); }},
    {"eldr_node_load", "Concurrent sequences, by own count or by report, whichever is more.",
     [](const NodeStatus& node) { return std::optional<double>(node.load); }},
    {"eldr_node_kv_tokens", "KV tokens that the node's leases reserve.",
     [](const NodeStatus& node) {
       return std::optional<double>(static_cast<double>(node.kv_tokens));
     }},
    {"eldr_node_reported_running", "Sequences the node last reported as running.",
     [](const NodeStatus& node) { return std::optional<double>(node.reported_running); }},
    {"eldr_node_reported_queued", "Sequences the node last reported as queued.",
     [](const NodeStatus& node) { return std::optional<double>(node.reported_queued); }},
    {"eldr_node_reported_kv_usage_ratio", "Share of its KV memory the node last reported in use.",
     [](const NodeStatus& node) { return node.reported_kv_usage; }},
    {"eldr_node_expected_distinct_experts",
     "Distinct experts per layer that a decode step of the node's expert group is expected to "
     "touch.",
     [](const NodeStatus& node) { return std::optional<double>(node.expected_experts_per_layer); }},
    {"eldr_node_predicted_step_seconds", "Predicted decode step time of the node's expert group.",
     [](const NodeStatus& node) -> std::optional<double> {
       if (!node.predicted_step_time.has_value()) return std::nullopt;
       return absl::ToDoubleSeconds(*node.predicted_step_time);
     }},
    {"eldr_node_reported_step_seconds", "Mean decode step time in the node's last report of steps.",
     [](const NodeStatus& node) -> std::optional<double> {
       if (!node.reported_step_time.has_value()) return std::nullopt;
       return absl::ToDoubleSeconds(*node.reported_step_time);
     }},
    {"eldr_node_heartbeat_age_seconds", "Time since the node's last heartbeat.",
     [](const NodeStatus& node) -> std::optional<double> {
       if (!node.heartbeat_age.has_value()) return std::nullopt;
       return absl::ToDoubleSeconds(*node.heartbeat_age);
     }},
    {"eldr_node_step_slowness_ratio",
     "How many times as long as the configured shape a decode step takes there, as learned.",
     [](const NodeStatus& node) { return std::optional<double>(node.step_time.slowness); }},
    {"eldr_node_step_bucket_offset_ratio",
     "What steps of the batch's bucket take beyond the terms of the step time, relative to their "
     "sum, as learned.",
     [](const NodeStatus& node) { return std::optional<double>(node.step_time.bucket_offset); }},
    {"eldr_node_draining", "1 while the node drains.",
     [](const NodeStatus& node) { return std::optional<double>(node.draining ? 1 : 0); }},
};

// The terms of the step time, by label.
struct StepTimeTerm {
  const char* name;
  double StepTimeCoefficients::*coefficient;
};
constexpr StepTimeTerm kTerms[] = {
    {"base", &StepTimeCoefficients::base},
    {"per_expert", &StepTimeCoefficients::per_expert},
    {"per_request", &StepTimeCoefficients::per_request},
    {"per_context_token", &StepTimeCoefficients::per_context_token},
};

constexpr NodeState kStates[] = {NodeState::kJoining, NodeState::kReady, NodeState::kLost,
                                 NodeState::kLostInPanic};

Labels NodeLabels(const NodeStatus& node) {
  return {{"model", node.spec.model}, {"node", node.spec.node_id}};
}

MetricFamily NotBelievedFamily(const std::vector<NodeStatus>& nodes) {
  MetricFamily family{"eldr_node_reports_not_believed_total",
                      "Reports of decode steps that were not learned from, by cause.",
                      MetricType::Counter,
                      {}};
  for (const NodeStatus& node : nodes) {
    for (std::size_t cause = 0; cause < kDisbeliefs; ++cause) {
      Labels labels = NodeLabels(node);
      labels.push_back({"cause", std::string(Name(static_cast<Disbelief>(cause)))});
      family.metric.push_back(Series(
          std::move(labels), static_cast<double>(node.not_believed[cause]), MetricType::Counter));
    }
  }
  return family;
}

void AddNodeFamilies(const std::vector<NodeStatus>& nodes, std::vector<MetricFamily>& families) {
  for (const NodeGauge& gauge : kNodeGauges) {
    MetricFamily family{gauge.name, gauge.help, MetricType::Gauge, {}};
    for (const NodeStatus& node : nodes) {
      const std::optional<double> value = gauge.read(node);
      if (value.has_value()) {
        family.metric.push_back(Series(NodeLabels(node), *value, MetricType::Gauge));
      }
    }
    families.push_back(std::move(family));
  }
  MetricFamily terms{"eldr_node_step_term_seconds",
                     "The coefficients of the node's step time in force, by term.",
                     MetricType::Gauge,
                     {}};
  for (const NodeStatus& node : nodes) {
    for (const StepTimeTerm& term : kTerms) {
      Labels labels = NodeLabels(node);
      labels.push_back({"term", term.name});
      terms.metric.push_back(
          Series(std::move(labels), node.step_time.*term.coefficient, MetricType::Gauge));
    }
  }
  families.push_back(std::move(terms));
  MetricFamily state{"eldr_node_state",
                     "1 for the state the node is in, 0 for the others.",
                     MetricType::Gauge,
                     {}};
  for (const NodeStatus& node : nodes) {
    for (const NodeState candidate : kStates) {
      Labels labels = NodeLabels(node);
      labels.push_back({"state", std::string(Name(candidate))});
      state.metric.push_back(
          Series(std::move(labels), node.state == candidate ? 1 : 0, MetricType::Gauge));
    }
  }
  families.push_back(std::move(state));
  families.push_back(NotBelievedFamily(nodes));
}

// One family with a series per model.
struct ModelSeries {
  const char* name;
  const char* help;
  MetricType type;
  double (*read)(const ModelDescription& model);
};

constexpr ModelSeries kModelSeries[] = {
    {"eldr_panic_mode",
     "1 while most of the fleet is silent at once, so that no node is taken for lost.",
     MetricType::Gauge, [](const ModelDescription& model) { return model.panic_mode ? 1.0 : 0.0; }},
    {"eldr_stored_signatures", "Signatures that wait to be placed.", MetricType::Gauge,
     [](const ModelDescription& model) { return static_cast<double>(model.stored_signatures); }},
    {"eldr_stored_signature_bytes", "Memory that they hold.", MetricType::Gauge,
     [](const ModelDescription& model) {
       return static_cast<double>(model.stored_signature_bytes);
     }},
    {"eldr_stored_blocks", "Signatures of KV blocks that are known, of all prefill workers.",
     MetricType::Gauge,
     [](const ModelDescription& model) { return static_cast<double>(model.stored_blocks); }},
    {"eldr_stored_block_bytes", "Memory that they hold.", MetricType::Gauge,
     [](const ModelDescription& model) { return static_cast<double>(model.stored_block_bytes); }},
    {"eldr_blocks_evicted_total", "Block signatures that went for the byte bound.",
     MetricType::Counter,
     [](const ModelDescription& model) { return static_cast<double>(model.blocks.evicted); }},
    {"eldr_learned_requests_total", "Requests that the model's prior has learned from.",
     MetricType::Counter,
     [](const ModelDescription& model) { return static_cast<double>(model.learned_requests); }},
};

void AddFits(const std::string& model, const std::string& policy,
             const std::optional<PolicyFits>& fits, MetricFamily& family) {
  if (!fits.has_value()) return;
  const std::pair<const char*, std::uint64_t> outcomes[] = {
      {"started", fits->started}, {"published", fits->published}, {"failed", fits->failed}};
  for (const auto& [outcome, count] : outcomes) {
    family.metric.push_back(Series({{"model", model}, {"policy", policy}, {"outcome", outcome}},
                                   static_cast<double>(count), MetricType::Counter));
  }
}

// The fits of policies that fit, shadows included.
MetricFamily PolicyFitFamily(const std::vector<ModelDescription>& models) {
  MetricFamily family{"eldr_policy_fits_total",
                      "Background fits of the locality band to recent traffic, by outcome.",
                      MetricType::Counter,
                      {}};
  for (const ModelDescription& model : models) {
    const PolicySettings& settings = model.spec.settings;
    AddFits(model.spec.name, settings.policy, model.fits, family);
    // A shadow of the same name would be the same series.
    if (settings.shadow_policy != settings.policy) {
      AddFits(model.spec.name, settings.shadow_policy, model.shadow_fits, family);
    }
  }
  return family;
}

// A family whose series of a model are told apart by one more label.
struct OutcomeSeries {
  const char* outcome;
  std::uint64_t BlockSignatureStore::Counters::*count;
};

MetricFamily OutcomeFamily(const char* name, const char* help,
                           absl::Span<const OutcomeSeries> outcomes,
                           const std::vector<ModelDescription>& models) {
  MetricFamily family{name, help, MetricType::Counter, {}};
  for (const ModelDescription& model : models) {
    for (const OutcomeSeries& series : outcomes) {
      family.metric.push_back(Series({{"model", model.spec.name}, {"outcome", series.outcome}},
                                     static_cast<double>(model.blocks.*series.count),
                                     MetricType::Counter));
    }
  }
  return family;
}

void AddBlockFamilies(const std::vector<ModelDescription>& models,
                      std::vector<MetricFamily>& families) {
  using Counters = BlockSignatureStore::Counters;
  constexpr OutcomeSeries kLookups[] = {{"hit", &Counters::hits}, {"miss", &Counters::misses}};
  constexpr OutcomeSeries kComposed[] = {
      {"full", &Counters::full}, {"partial", &Counters::partial}, {"none", &Counters::none}};
  families.push_back(OutcomeFamily("eldr_block_lookups_total",
                                   "KV blocks that pushes and queries named, by whether their "
                                   "signature is known.",
                                   kLookups, models));
  families.push_back(OutcomeFamily("eldr_composed_signatures_total",
                                   "Pushes and queries that named KV blocks, by how much of the "
                                   "prompt is known.",
                                   kComposed, models));
}

// What is recorded on disk, by log.
void AddRecordFamilies(const std::vector<std::pair<const char*, RecordFiles::Counts>>& logs,
                       std::vector<MetricFamily>& families) {
  if (logs.empty()) return;
  MetricFamily records{"eldr_records_total",
                       "Records for logs on disk, by what became of them.",
                       MetricType::Counter,
                       {}};
  MetricFamily bytes{"eldr_record_bytes", "Size of all files of a log.", MetricType::Gauge, {}};
  for (const auto& [log, counts] : logs) {
    records.metric.push_back(Series({{"log", log}, {"outcome", "written"}},
                                    static_cast<double>(counts.written), MetricType::Counter));
    records.metric.push_back(Series({{"log", log}, {"outcome", "dropped"}},
                                    static_cast<double>(counts.dropped), MetricType::Counter));
    bytes.metric.push_back(
        Series({{"log", log}}, static_cast<double>(counts.bytes), MetricType::Gauge));
  }
  families.push_back(std::move(records));
  families.push_back(std::move(bytes));
}

}  // namespace

std::vector<MetricFamily> FleetCollector::Collect() const {
  std::vector<MetricFamily> families;
  const auto nodes = router_.ListNodes("");
  if (nodes.ok()) AddNodeFamilies(*nodes, families);
  const std::vector<ModelDescription> models = router_.ListModels();
  for (const ModelSeries& series : kModelSeries) {
    MetricFamily family{series.name, series.help, series.type, {}};
    for (const ModelDescription& model : models) {
      family.metric.push_back(
          Series({{"model", model.spec.name}}, series.read(model), series.type));
    }
    families.push_back(std::move(family));
  }
  families.push_back(PolicyFitFamily(models));
  AddBlockFamilies(models, families);
  std::vector<std::pair<const char*, RecordFiles::Counts>> logs;
  if (capture_ != nullptr) logs.push_back({"captures", capture_->counts()});
  if (event_log_ != nullptr) logs.push_back({"events", event_log_->counts()});
  AddRecordFamilies(logs, families);
  return families;
}

}  // namespace eldr
