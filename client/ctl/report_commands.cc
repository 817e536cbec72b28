// eldrctl nodes report
#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/time/clock.h"
#include "client/ctl/command.h"
#include "client/ctl/load_options.h"
#include "client/ctl/node_spec_options.h"
#include "client/ctl/node_table.h"
#include "client/ctl/print.h"
#include "client/flags/duration_option.h"
#include "client/src/proto_duration.h"

namespace eldr::ctl {
namespace {

struct ReportOptions {
  v1::NodeSpec spec;
  client::NodeLoad load;
  absl::Duration every = absl::Seconds(1);
  bool unary = false;
  std::optional<absl::Duration> drain_after;
  std::optional<absl::Duration> duration;
};

void PrintChange(Session& session, const std::string& node_id, const client::NodeStatus& status) {
  if (!status.error.ok()) {
    PrintError(status.error, session.err);
    session.err.Flush();
    return;
  }
  session.out << "node " << node_id << " is " << StateText(status.state, status.draining)
              << "; it holds " << status.leases << " leases\n";
  session.out.Flush();
}

// The reporter's rounds, until `duration` is over.
absl::Status Run(const ReportOptions& o, client::NodeReporter& reporter) {
  const absl::Time start = absl::Now();
  const absl::Time end = start + o.duration.value_or(absl::InfiniteDuration());
  absl::Time drain = o.drain_after ? start + *o.drain_after : absl::InfiniteFuture();
  while (absl::Now() < end) {
    if (absl::Now() >= drain) {
      reporter.Drain();
      drain = absl::InfiniteFuture();
    }
    const absl::Duration wait = reporter.Step();
    const client::NodeStatus status = reporter.status();
    if (status.superseded) return status.error;
    const absl::Time next = std::min({absl::Now() + wait, end, drain});
    std::this_thread::sleep_for(absl::ToChronoNanoseconds(next - absl::Now()));
  }
  return absl::OkStatus();
}

absl::Status Report(Session& session, ReportOptions o) {
  *o.spec.mutable_heartbeat_interval() = client::internal::ToProto(o.every);
  if (o.spec.incarnation() == 0) {
    o.spec.set_incarnation(static_cast<uint64_t>(absl::ToUnixMillis(absl::Now())));
  }
  const auto load = [&o]() -> absl::StatusOr<client::NodeLoad> {
    client::NodeLoad told = o.load;
    // Told once.
    o.load.steps.clear();
    o.load.finished_request_ids.clear();
    o.load.finished.clear();
    return told;
  };
  client::NodeReporterOptions options;
  options.stream = !o.unary;
  options.on_change = [&](const client::NodeStatus& status) {
    PrintChange(session, o.spec.node_id(), status);
  };
  auto reporter = client::NodeReporter::Create(session.client, o.spec, load, options);
  if (!reporter.ok()) return reporter.status();
  absl::Status status = Run(o, **reporter);
  if (!status.ok()) return status;
  return (*reporter)->Leave();
}

Runner DefineReport(CLI::App& app) {
  auto o = std::make_shared<ReportOptions>();
  app.add_option("NODE", *o->spec.mutable_node_id(), "The node's id")->required();
  AddNodeSpecOptions(app, o->spec);
  app.add_option_function<uint64_t>(
      "--incarnation", [o](const uint64_t& value) { o->spec.set_incarnation(value); },
      "Grows with each start of the node [the time now]");
  AddLoadOptions(app, o->load);
  flags::AddDuration(app, "--every", o->every, "How often it sends heartbeats [1s]");
  app.add_flag("--unary", o->unary, "Send each heartbeat as a call, not on a stream");
  flags::AddDuration(app, "--drain-after", o->drain_after, "Drain it after this time [never]");
  flags::AddDuration(app, "--for", o->duration,
                     "Leave the fleet after this time [until interrupted, and then it is lost]");
  return [o](Session& session) { return Report(session, *o); };
}

constexpr Command kReportCommands[] = {
    {"nodes", "report", "Stand in for a node: register it and report it, as an engine does",
     "It registers again whenever the daemon does not know it, and goes on while the daemon is\n"
     "away. A line tells of each change. Steps and finished requests are told once.\n"
     "Examples:\n"
     "  eldrctl nodes report d0 --model mixtral --address 10.0.0.7:8000 --running 3\n"
     "  eldrctl nodes report d1 --model mixtral --address 10.0.0.8:8000 --for 10m \\\n"
     "      --drain-after 9m",
     DefineReport},
};

}  // namespace

absl::Span<const Command> ReportCommands() { return kReportCommands; }

}  // namespace eldr::ctl
