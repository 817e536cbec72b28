#include "tools/sim/scenario.h"

#include <yaml-cpp/yaml.h>

#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/flags/duration_option.h"
#include "core/base/status_macros.h"
#include "tools/replay/file_contents.h"
#include "tools/sim/flag_names.h"

namespace eldr::sim {
namespace {

using Reader = std::function<absl::Status(const YAML::Node&)>;
using Readers = std::map<std::string, Reader>;

absl::Status ErrorAt(const YAML::Node& node, absl::string_view message) {
  return absl::InvalidArgumentError(absl::StrCat("line ", node.Mark().line + 1, ": ", message));
}

// Calls the reader of each key. The keys of an object are its readers'; others are refused.
absl::Status ReadObject(const YAML::Node& node, absl::string_view what, const Readers& readers) {
  if (!node.IsMap()) return ErrorAt(node, absl::StrCat(what, ": expected keys and values"));
  for (const auto& entry : node) {
    const std::string key = entry.first.Scalar();
    const auto found = readers.find(key);
    if (found == readers.end()) {
      std::vector<std::string> known;
      for (const auto& [name, reader] : readers) known.push_back(name);
      return ErrorAt(entry.first, absl::StrCat("unknown key \"", key, "\" in ", what,
                                               ", expected one of ", absl::StrJoin(known, ", ")));
    }
    if (absl::Status status = found->second(entry.second); !status.ok()) {
      // An inner object has told its line already.
      if (absl::string_view(status.message()).substr(0, 5) == "line ") return status;
      return ErrorAt(entry.second, absl::StrCat(key, ": ", status.message()));
    }
  }
  return absl::OkStatus();
}

Reader ToDuration(absl::Duration& target) {
  return [&target](const YAML::Node& node) {
    ELDR_ASSIGN_OR_RETURN(
        target, flags::ParseDuration(node.IsScalar() ? node.Scalar() : "",
                                     {.most = absl::Hours(24), .seconds_without_unit = true}));
    return absl::OkStatus();
  };
}

Reader ToNumber(double& target, double least, double most) {
  return [&target, least, most](const YAML::Node& node) {
    double value = 0;
    const std::string text = node.IsScalar() ? node.Scalar() : "";
    if (!absl::SimpleAtod(text, &value) || !(value >= least) || !(value <= most)) {
      return absl::InvalidArgumentError(
          absl::StrCat("got \"", text, "\", expected a number from ", least, " to ", most));
    }
    target = value;
    return absl::OkStatus();
  };
}

template <typename T>
Reader ToCount(T& target, T most) {
  return [&target, most](const YAML::Node& node) {
    T value = 0;
    const std::string text = node.IsScalar() ? node.Scalar() : "";
    if (!absl::SimpleAtoi(text, &value) || value > most) {
      return absl::InvalidArgumentError(
          absl::StrCat("got \"", text, "\", expected a whole number from 0 to ", most));
    }
    target = value;
    return absl::OkStatus();
  };
}

Readers ShapeReaders(replay::NodeShape& shape) {
  return {{"speed", ToNumber(shape.speed, 0.01, 100)},
          {"capacity", ToCount(shape.capacity, 1'000'000u)},
          {"kv_capacity", ToCount(shape.kv_capacity, std::uint64_t{1'000'000'000'000})}};
}

Readers StepTimeReaders(StepTimeShape& shape) {
  return {{"base", ToDuration(shape.base)},
          {"all_experts", ToDuration(shape.all_experts)},
          {"per_request", ToDuration(shape.per_request)},
          {"per_context_token", ToDuration(shape.per_context_token)}};
}

absl::Status ReadNodes(const YAML::Node& node, const SimConfig& config,
                       std::vector<replay::NodeShape>& shapes) {
  if (!node.IsSequence()) return ErrorAt(node, "nodes: expected a list");
  shapes.clear();
  for (const YAML::Node& entry : node) {
    std::uint32_t count = 1;
    replay::NodeShape shape = {1, config.replay.capacity, config.replay.kv_capacity};
    Readers readers = ShapeReaders(shape);
    readers["count"] = ToCount(count, 4096u);
    ELDR_RETURN_IF_ERROR(ReadObject(entry, "nodes", readers));
    shapes.insert(shapes.end(), count, shape);
  }
  return absl::OkStatus();
}

absl::Status ReadEventKind(const YAML::Node& node, replay::FleetEvent::Kind& kind) {
  using Kind = replay::FleetEvent::Kind;
  static const auto& kinds = *new std::map<std::string, Kind>{
      {"join", Kind::kJoin},       {"leave", Kind::kLeave}, {"drain", Kind::kDrain},
      {"undrain", Kind::kUndrain}, {"crash", Kind::kCrash}, {"speed", Kind::kLimp}};
  const std::string text = node.IsScalar() ? node.Scalar() : "";
  const auto found = kinds.find(text);
  if (found == kinds.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("got \"", text, "\", expected join, leave, drain, undrain, crash or speed"));
  }
  kind = found->second;
  return absl::OkStatus();
}

absl::Status ReadEvents(const YAML::Node& node, const SimConfig& config,
                        std::vector<replay::FleetEvent>& events) {
  if (!node.IsSequence()) return ErrorAt(node, "events: expected a list");
  events.clear();
  for (const YAML::Node& entry : node) {
    replay::FleetEvent event;
    event.shape = {1, config.replay.capacity, config.replay.kv_capacity};
    Readers readers = ShapeReaders(event.shape);
    readers["at"] = ToDuration(event.time);
    readers["do"] = [&](const YAML::Node& value) { return ReadEventKind(value, event.kind); };
    readers["node"] = [&](const YAML::Node& value) {
      event.node_id = value.IsScalar() ? value.Scalar() : "";
      return absl::OkStatus();
    };
    ELDR_RETURN_IF_ERROR(ReadObject(entry, "events", readers));
    for (const char* key : {"at", "do", "node"}) {
      if (!entry[key])
        return ErrorAt(entry, absl::StrCat("events: expected the key \"", key, "\""));
    }
    if (event.node_id.empty()) return ErrorAt(entry, "node: expected the id of a node");
    if (!events.empty() && event.time < events.back().time) {
      return ErrorAt(entry, absl::StrCat("at: got ", absl::FormatDuration(event.time),
                                         ", expected events in the order of their time"));
    }
    events.push_back(std::move(event));
  }
  return absl::OkStatus();
}

absl::Status ReadWeights(const YAML::Node& node, std::map<std::string, double>& weights) {
  if (!node.IsMap()) return ErrorAt(node, "expected domains and their weights");
  for (const auto& entry : node) {
    const std::string domain = entry.first.Scalar();
    if (absl::Status status = ToNumber(weights[domain], 0, 1e9)(entry.second); !status.ok()) {
      return ErrorAt(entry.second, absl::StrCat(domain, ": ", status.message()));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadDrift(const YAML::Node& node, SimConfig& config) {
  MixDrift drift;
  ELDR_RETURN_IF_ERROR(
      ReadObject(node, "drift",
                 {{"from", [&](const YAML::Node& value) { return ReadWeights(value, drift.from); }},
                  {"to", [&](const YAML::Node& value) { return ReadWeights(value, drift.to); }},
                  {"start", ToDuration(drift.start)},
                  {"end", ToDuration(drift.end)}}));
  if (drift.from.empty() || drift.to.empty()) {
    return ErrorAt(node, "drift: expected the keys \"from\" and \"to\"");
  }
  if (drift.end < drift.start) {
    return ErrorAt(
        node, absl::StrCat("drift.end: got ", absl::FormatDuration(drift.end),
                           ", expected at least the start, ", absl::FormatDuration(drift.start)));
  }
  config.traffic.mix = MixKind::kDrift;
  config.traffic.drift = std::move(drift);
  return absl::OkStatus();
}

absl::Status ReadSignatures(const YAML::Node& node, SimConfig& config) {
  TrafficConfig& traffic = config.traffic;
  ELDR_RETURN_IF_ERROR(ReadObject(node, "signatures",
                                  {{"missing", ToNumber(traffic.missing_signatures, 0, 1)},
                                   {"late", ToNumber(traffic.late_signatures, 0, 1)},
                                   {"delay", ToDuration(config.replay.late_signature_delay)}}));
  const double sum = traffic.missing_signatures + traffic.late_signatures;
  if (sum <= 1) return absl::OkStatus();
  return ErrorAt(node, absl::StrCat("signatures: missing and late are ", sum,
                                    " together, expected at most 1"));
}

absl::Status ReadRoot(const YAML::Node& root, SimConfig& config) {
  replay::ReplayOptions& replay = config.replay;
  const auto object = [](absl::string_view what, Readers readers) {
    return [what, readers = std::move(readers)](const YAML::Node& node) {
      return ReadObject(node, what, readers);
    };
  };
  return ReadObject(
      root, "the scenario",
      {{"nodes",
        [&](const YAML::Node& node) { return ReadNodes(node, config, replay.node_shapes); }},
       {"events", [&](const YAML::Node& node) { return ReadEvents(node, config, replay.events); }},
       {"drift", [&](const YAML::Node& node) { return ReadDrift(node, config); }},
       {"signatures", [&](const YAML::Node& node) { return ReadSignatures(node, config); }},
       {"heartbeats", object("heartbeats", {{"interval", ToDuration(replay.heartbeat_interval)},
                                            {"delay", ToDuration(replay.heartbeat_delay)}})},
       {"step_time", object("step_time", StepTimeReaders(replay.step_time))},
       {"believed_step_time",
        object("believed_step_time", StepTimeReaders(config.settings.step_time))}});
}

}  // namespace

absl::Status ParseScenario(const std::string& yaml, SimConfig& config) {
  try {
    const YAML::Node root = YAML::Load(yaml);
    if (root.IsNull()) return absl::InvalidArgumentError("expected a scenario, got nothing");
    SimConfig changed = config;
    ELDR_RETURN_IF_ERROR(ReadRoot(root, changed));
    config = std::move(changed);
    return absl::OkStatus();
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("line ", error.mark.line + 1, ": ", error.msg));
  }
}

absl::Status ReadScenario(const std::string& path, SimConfig& config) {
  ELDR_ASSIGN_OR_RETURN(const std::string yaml, replay::ReadFile(path));
  if (absl::Status status = ParseScenario(yaml, config); !status.ok()) {
    return replay::Annotate(status, path);
  }
  return absl::OkStatus();
}

}  // namespace eldr::sim
