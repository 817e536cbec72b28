// eldrctl top
#include <chrono>
#include <memory>
#include <optional>
#include <thread>

#include "absl/time/clock.h"
#include "client/ctl/command.h"
#include "client/ctl/duration_option.h"
#include "client/ctl/node_table.h"
#include "client/ctl/print.h"

namespace eldr::ctl {
namespace {

constexpr char kClearScreen[] = "\033[H\033[2J";

struct TopOptions {
  std::string model;
  absl::Duration interval = absl::Seconds(2);
  std::optional<uint64_t> count;
  bool once = false;
};

void PrintView(const v1::ListNodesResponse& response, Printer out) {
  uint64_t leases = 0;
  int ready = 0;
  for (const v1::Node& node : response.nodes()) {
    leases += node.leases();
    if (node.state() == v1::NODE_STATE_READY && !node.draining()) ++ready;
  }
  out << absl::FormatTime("%H:%M:%S", absl::Now(), absl::LocalTimeZone()) << "  "
      << response.nodes_size() << " nodes, " << ready << " take placements, " << leases
      << " leases\n";
  PrintNodes(response, out);
  out.Flush();
}

absl::Status Watch(Session& session, const TopOptions& o) {
  v1::ListNodesRequest request;
  request.set_model(o.model);
  const uint64_t count = o.once ? 1 : o.count.value_or(UINT64_MAX);
  for (uint64_t shown = 0; shown < count; ++shown) {
    if (shown > 0) std::this_thread::sleep_for(absl::ToChronoNanoseconds(o.interval));
    const auto response = session.client.ListNodes(request);
    // A daemon that restarts or moves is shown again, by a later view.
    const bool passes =
        absl::IsUnavailable(response.status()) || absl::IsDeadlineExceeded(response.status());
    if (passes && shown + 1 < count) {
      PrintError(response.status(), session.err);
      session.err.Flush();
      continue;
    }
    if (!response.ok()) return response.status();
    if (session.format == Format::kJson) {
      if (absl::Status status = PrintJson(*response, session.out); !status.ok()) return status;
      continue;
    }
    if (!o.once) session.out << kClearScreen;
    PrintView(*response, session.out);
  }
  return absl::OkStatus();
}

Runner DefineTop(CLI::App& app) {
  auto o = std::make_shared<TopOptions>();
  app.add_option("--model", o->model, "Only nodes of this model [all]")->envname("ELDR_MODEL");
  AddDuration(app, "--interval", o->interval, "The time between two views [2s]");
  CLI::Option* const count =
      app.add_option("--count", o->count, "How many views to show [until interrupted]");
  app.add_flag("--once", o->once, "Show one view and end, without clearing the screen")
      ->excludes(count);
  return [o](Session& session) { return Watch(session, *o); };
}

constexpr Command kTopCommands[] = {
    {"", "top", "Watch the nodes",
     "Examples:\n"
     "  eldrctl top --interval 500ms\n"
     "  eldrctl top --once",
     DefineTop},
};

}  // namespace

absl::Span<const Command> TopCommands() { return kTopCommands; }

}  // namespace eldr::ctl
