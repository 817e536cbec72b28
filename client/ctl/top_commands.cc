// eldrctl top
#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/ctl/command.h"
#include "client/ctl/node_table.h"
#include "client/ctl/print.h"
#include "client/ctl/terminal.h"
#include "client/ctl/top_view.h"
#include "client/flags/duration_option.h"

namespace eldr::ctl {
namespace {

struct TopOptions {
  std::string model;
  absl::Duration interval = absl::Seconds(2);
  std::optional<uint64_t> count;
  bool once = false;
};

// A daemon that restarts or moves is shown again, by a later view.
bool Passes(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

// The newest points of the models. What tells no history (an older daemon, or one without a page)
// leaves them out: the nodes are there without it.
std::vector<v1::GetHistoryResponse> Histories(Session& session, const std::string& model,
                                              const client::CallOptions& patience = {}) {
  std::vector<std::string> names;
  if (model.empty()) {
    const auto models = session.client.ListModels({}, patience);
    if (!models.ok()) return {};
    for (const v1::Model& each : models->models()) names.push_back(each.name());
  } else {
    names.push_back(model);
  }
  std::vector<v1::GetHistoryResponse> histories;
  for (const std::string& name : names) {
    v1::GetHistoryRequest request;
    request.set_model(name);
    const int64_t since = absl::ToUnixSeconds(absl::Now() - absl::Minutes(1));
    request.mutable_after_time()->set_seconds(since);
    const auto history = session.client.GetHistory(request, patience);
    if (!history.ok()) break;
    histories.push_back(*history);
  }
  return histories;
}

void PrintView(const v1::ListNodesResponse& response,
               const std::vector<v1::GetHistoryResponse>& histories, Printer out) {
  const auto all = static_cast<std::size_t>(response.nodes_size());
  out << SummaryText(response, all, absl::Now()) << "\n";
  for (const v1::GetHistoryResponse& history : histories) out << TotalsText(history) << "\n";
  PrintNodes(response, out);
  out.Flush();
}

// One view after the other, as text: for a pipe or a file.
absl::Status PrintViews(Session& session, const TopOptions& o) {
  v1::ListNodesRequest request;
  request.set_model(o.model);
  const uint64_t count = o.once ? 1 : o.count.value_or(UINT64_MAX);
  for (uint64_t shown = 0; shown < count; ++shown) {
    if (shown > 0) std::this_thread::sleep_for(absl::ToChronoNanoseconds(o.interval));
    const auto response = session.client.ListNodes(request);
    if (Passes(response.status()) && shown + 1 < count) {
      PrintError(response.status(), session.err);
      session.err.Flush();
      continue;
    }
    if (!response.ok()) return response.status();
    if (session.format == Format::kJson) {
      if (absl::Status status = PrintJson(*response, session.out); !status.ok()) return status;
      continue;
    }
    PrintView(*response, Histories(session, o.model), session.out);
  }
  return absl::OkStatus();
}

// Draws on the terminal until the user is done. What is asked of the daemon is asked between keys,
// so a daemon that does not answer holds them up by a second at most.
absl::Status DrawViews(Session& session, const TopOptions& o, Terminal& terminal) {
  const client::CallOptions patience = {.timeout = absl::Seconds(1)};
  const bool colours = TerminalHasColours();
  v1::ListNodesRequest request;
  request.set_model(o.model);
  v1::ListNodesResponse nodes;
  std::vector<v1::GetHistoryResponse> histories;
  TopState state;
  absl::Time next = absl::InfinitePast();
  uint64_t left = o.count.value_or(UINT64_MAX);
  while (true) {
    if (absl::Now() >= next) {
      if (left-- == 0) return absl::OkStatus();
      auto response = session.client.ListNodes(request, patience);
      if (!response.ok() && !Passes(response.status())) return response.status();
      state.error =
          response.ok() ? "" : absl::StrCat("the daemon is away: ", response.status().message());
      if (response.ok()) {
        nodes = *std::move(response);
        histories = Histories(session, o.model, patience);
      }
      next = absl::Now() + o.interval;
    }
    const TerminalSize size = terminal.size();
    const auto rows = static_cast<std::size_t>(size.rows);
    terminal.Draw(DrawTop(nodes, histories, absl::Now(), static_cast<std::size_t>(size.columns),
                          rows, colours, state));
    const std::optional<int> key =
        terminal.ReadKey(std::max(next - absl::Now(), absl::ZeroDuration()));
    if (key.has_value() && !TakeKey(*key, rows / 2, state)) return absl::OkStatus();
  }
}

absl::Status Watch(Session& session, const TopOptions& o) {
  if (o.once || session.format == Format::kJson || !session.on_stdout)
    return PrintViews(session, o);
  const std::unique_ptr<Terminal> terminal = Terminal::Open();
  return terminal == nullptr ? PrintViews(session, o) : DrawViews(session, o, *terminal);
}

Runner DefineTop(CLI::App& app) {
  auto o = std::make_shared<TopOptions>();
  app.add_option("--model", o->model, "Only nodes of this model [all]")->envname("ELDR_MODEL");
  flags::AddDuration(app, "--interval", o->interval, "The time between two views [2s]");
  CLI::Option* const count =
      app.add_option("--count", o->count, "How many views to show [until interrupted]");
  app.add_flag("--once", o->once, "Show one view and end, as text")->excludes(count);
  return [o](Session& session) { return Watch(session, *o); };
}

constexpr Command kTopCommands[] = {
    {"", "top", "Watch the nodes",
     "On a terminal it redraws one screen in place; keys sort (n l k s b e, r reverses), filter "
     "(/),\n"
     "scroll, help (?) and quit (q). Into a pipe or a file it writes one view after the other.\n"
     "Its totals are of the last 10 s: placements per second, time to decide, signatures, and how\n"
     "many experts placements added against the mean candidate. NO_COLOR=1 leaves out colours.\n"
     "Examples:\n"
     "  eldrctl top --interval 500ms\n"
     "  eldrctl top --once",
     DefineTop},
};

}  // namespace

absl::Span<const Command> TopCommands() { return kTopCommands; }

}  // namespace eldr::ctl
