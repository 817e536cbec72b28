// eldrctl nodes heartbeat
#include <memory>

#include "client/ctl/command.h"
#include "client/ctl/load_options.h"
#include "client/ctl/node_table.h"
#include "client/ctl/print.h"

namespace eldr::ctl {
namespace {

struct HeartbeatOptions {
  std::string node_id;
  uint64_t incarnation = 0;
  std::string address, model;
  client::NodeLoad load;
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

absl::Status Send(Session& session, const v1::HeartbeatRequest& request) {
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
  return absl::OkStatus();
}

Runner DefineHeartbeat(CLI::App& app) {
  auto o = std::make_shared<HeartbeatOptions>();
  app.add_option("NODE", o->node_id, "The node's id")->required();
  app.add_option("--incarnation", o->incarnation, "Its incarnation; 0: not checked [0]");
  app.add_option("--address", o->address, "Its address, as registered [not checked]");
  app.add_option("--model", o->model, "Its model, as registered [not checked]");
  AddLoadOptions(app, o->load);
  return [o](Session& session) { return Send(session, RequestOf(*o)); };
}

constexpr Command kHeartbeatCommands[] = {
    {"nodes", "heartbeat", "Send one heartbeat of a node that is registered",
     "--steps tells of the decode steps of one batch-size bucket since the last heartbeat:\n"
     "  MAX_BATCH:STEPS:TOTAL_DURATION:MEAN_BATCH[:MEAN_CONTEXT_TOKENS[:MEAN_DISTINCT_EXPERTS]]\n"
     "Examples:\n"
     "  eldrctl nodes heartbeat d0 --running 12 --queued 2 --kv-usage 0.4\n"
     "  eldrctl nodes heartbeat d0 --running 12 --steps 16:90:1.26s:11.5:9000:1850\n"
     "  eldrctl nodes heartbeat d0 --finished-request r1 --finished-request r2\n"
     "To keep a node alive: eldrctl nodes report",
     DefineHeartbeat},
};

}  // namespace

absl::Span<const Command> HeartbeatCommands() { return kHeartbeatCommands; }

}  // namespace eldr::ctl
