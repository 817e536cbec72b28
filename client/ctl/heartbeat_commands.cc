// eldrctl nodes heartbeat
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>

#include "client/ctl/command.h"
#include "client/ctl/load_options.h"
#include "client/ctl/node_table.h"
#include "client/ctl/print.h"
#include "client/flags/duration_option.h"

namespace eldr::ctl {
namespace {

struct HeartbeatOptions {
  std::string node_id;
  uint64_t incarnation = 0;
  std::string address, model;
  client::NodeLoad load;
  std::optional<absl::Duration> every;
  std::optional<uint64_t> count;
};

v1::HeartbeatRequest RequestOf(const HeartbeatOptions& o) {
  v1::HeartbeatRequest request;
  request.set_node_id(o.node_id);
  request.set_incarnation(o.incarnation);
  request.set_address(o.address);
  request.set_model(o.model);
  request.set_running(o.load.running);
  request.set_queued(o.load.queued);
  if (o.load.kv_usage) request.set_kv_usage(*o.load.kv_usage);
  for (const v1::StepStats& steps : o.load.steps) *request.add_steps() = steps;
  for (const std::string& id : o.load.running_request_ids) request.add_running_request_ids(id);
  request.set_complete_list(o.load.complete_list);
  for (const std::string& id : o.load.finished_request_ids) request.add_finished_request_ids(id);
  for (const v1::FinishedRequest& finished : o.load.finished) *request.add_finished() = finished;
  return request;
}

absl::Status SendOne(Session& session, const v1::HeartbeatRequest& request) {
  const auto response = session.client.Heartbeat(request);
  if (!response.ok()) return response.status();
  if (session.format == Format::kJson) return PrintJson(*response, session.out);
  session.out << "node " << request.node_id() << " is "
              << StateText(response->state(), response->draining()) << "; it holds "
              << response->leases() << " leases";
  if (request.complete_list()) {
    session.out << "; adopted " << response->adopted() << ", ended " << response->unconfirmed()
                << " unconfirmed, " << response->conflicts() << " conflicts, "
                << response->not_adopted() << " not adopted";
  }
  session.out << "\n";
  session.out.Flush();
  return absl::OkStatus();
}

absl::Status SendAll(Session& session, const HeartbeatOptions& o) {
  v1::HeartbeatRequest request = RequestOf(o);
  // Without --every just one; with it, until --count or an interrupt.
  const uint64_t count = o.every ? o.count.value_or(UINT64_MAX) : 1;
  absl::Status status;
  for (uint64_t sent = 0; sent < count; ++sent) {
    if (sent > 0) std::this_thread::sleep_for(absl::ToChronoNanoseconds(*o.every));
    status = SendOne(session, request);
    // A daemon that restarts or moves is heard again, by a later heartbeat.
    const bool passes = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
    if (!status.ok() && (!passes || !o.every)) return status;
    if (!status.ok() && sent + 1 < count) {
      PrintError(status, session.err);
      session.err.Flush();
    }
    // Telling these again would count the steps twice, if the daemon took them.
    request.clear_steps();
    if (status.ok()) {
      request.clear_finished_request_ids();
      request.clear_finished();
    }
  }
  return status;
}

Runner DefineHeartbeat(CLI::App& app) {
  auto o = std::make_shared<HeartbeatOptions>();
  app.add_option("NODE", o->node_id, "The node's id")->required();
  app.add_option("--incarnation", o->incarnation, "Its incarnation; 0: not checked [0]");
  app.add_option("--address", o->address, "Its address, as registered [not checked]");
  app.add_option("--model", o->model, "Its model, as registered [not checked]");
  AddLoadOptions(app, o->load);
  CLI::Option* const every =
      flags::AddDuration(app, "--every", o->every, "Go on sending it at this interval");
  app.add_option("--count", o->count, "How many to send with --every [until interrupted]")
      ->needs(every);
  return [o](Session& session) { return SendAll(session, *o); };
}

constexpr Command kHeartbeatCommands[] = {
    {"nodes", "heartbeat", "Send a node's heartbeat, once or at an interval",
     "--steps tells of the decode steps of one batch-size bucket since the last heartbeat:\n"
     "  MAX_BATCH:STEPS:TOTAL_DURATION:MEAN_BATCH[:MEAN_CONTEXT_TOKENS[:MEAN_DISTINCT_EXPERTS]]\n"
     "Examples:\n"
     "  eldrctl nodes heartbeat d0 --running 12 --queued 2 --kv-usage 0.4\n"
     "  eldrctl nodes heartbeat d0 --running 12 --steps 16:90:1.26s:11.5:9000:1850\n"
     "  eldrctl nodes heartbeat d0 --finished-request r1 --finished-request r2\n"
     "  eldrctl nodes heartbeat d0 --running 3 --every 1s\n"
     "To register a node and keep it in the fleet as an engine does: eldrctl nodes report",
     DefineHeartbeat},
};

}  // namespace

absl::Span<const Command> HeartbeatCommands() { return kHeartbeatCommands; }

}  // namespace eldr::ctl
