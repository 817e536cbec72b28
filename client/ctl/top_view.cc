#include "client/ctl/top_view.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "client/ctl/name_shortener.h"
#include "client/ctl/node_table.h"
#include "client/ctl/print.h"
#include "client/ctl/printer.h"
#include "client/ctl/terminal.h"

namespace eldr::ctl {
namespace {

constexpr char kHelp[] =
    "q quits; n l k s b e sort (node load kv step beat experts), r reverses; / filters, esc "
    "clears; "
    "arrows scroll";

constexpr const char* kRed = "\033[31m";
constexpr const char* kYellow = "\033[33m";
constexpr const char* kGreen = "\033[32m";
constexpr const char* kDim = "\033[2m";
constexpr const char* kInverse = "\033[7m";
constexpr const char* kNormal = "\033[0m";

double Seconds(const google::protobuf::Duration& duration) {
  return static_cast<double>(google::protobuf::util::TimeUtil::DurationToNanoseconds(duration)) /
         1e9;
}

// A share of what it takes; below 0 if that is not known.
double LoadShare(const v1::Node& node) {
  return node.spec().capacity() == 0 ? -1 : double{1} * node.load() / node.spec().capacity();
}

double KvShare(const v1::Node& node) {
  if (node.has_reported_kv_usage()) return node.reported_kv_usage();
  if (node.spec().kv_capacity_tokens() == 0) return -1;
  return static_cast<double>(node.kv_tokens()) /
         static_cast<double>(node.spec().kv_capacity_tokens());
}

// What nodes are sorted by: the most first, and the name between equals.
double SortValue(const v1::Node& node, TopSort sort) {
  switch (sort) {
    case TopSort::kNode:
      return 0;
    case TopSort::kLoad:
      return node.load();
    case TopSort::kKv:
      return KvShare(node);
    case TopSort::kStep:
      return node.has_predicted_step_time() ? Seconds(node.predicted_step_time()) : -1;
    case TopSort::kHeartbeat:
      return node.has_heartbeat_age() ? Seconds(node.heartbeat_age()) : -1;
    case TopSort::kExperts:
      return node.expected_experts_per_layer();
  }
  return 0;
}

// "[####      ]", or blanks if the share is not known.
std::string Bar(double share, std::size_t width, bool colours) {
  if (share < 0) return std::string(width + 2, ' ');
  const auto filled = static_cast<std::size_t>(
      std::lround(std::clamp(share, 0.0, 1.0) * static_cast<double>(width)));
  const char* const colour = share >= 0.9 ? kRed : share >= 0.7 ? kYellow : kGreen;
  return absl::StrCat("[", colours ? colour : "", std::string(filled, '#'), colours ? kNormal : "",
                      std::string(width - filled, ' '), "]");
}

// As wide as that: cut, or filled up with blanks. Counts bytes of names, which Printable() made
// fit for a terminal.
std::string Fit(absl::string_view text, std::size_t width) {
  std::string fit = Printable(text).substr(0, width);
  while (!fit.empty() && text.size() > width && (fit.back() & 0x80) != 0) fit.pop_back();
  fit.resize(std::max(fit.size(), width), ' ');
  return fit;
}

// A text whose parts stand two blanks apart, in lines of at most `width`.
std::vector<std::string> Wrap(absl::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  for (const absl::string_view part : absl::StrSplit(text, "  ")) {
    if (!lines.empty() && lines.back().size() + 2 + part.size() <= width) {
      absl::StrAppend(&lines.back(), "  ", part);
    } else {
      lines.push_back(absl::StrCat(lines.empty() ? "" : "  ", part));
    }
  }
  return lines;
}

const char* StateColour(const v1::Node& node) {
  if (node.state() == v1::NODE_STATE_LOST || node.state() == v1::NODE_STATE_LOST_IN_PANIC) {
    return kRed;
  }
  return node.state() == v1::NODE_STATE_READY && !node.draining() ? kGreen : kYellow;
}

std::string DurationCell(bool known, const google::protobuf::Duration& duration) {
  return known ? DurationText(duration) : "-";
}

std::string Row(const v1::Node& node, absl::string_view name, std::size_t bar, bool colours) {
  const std::uint32_t capacity = node.spec().capacity();
  const std::string load =
      capacity == 0 ? absl::StrCat(node.load()) : absl::StrCat(node.load(), "/", capacity);
  const double kv = KvShare(node);
  return absl::StrCat(
      name, " ", colours ? StateColour(node) : "",
      Fit(StateText(node.state(), node.draining()), 15), colours ? kNormal : "", " ",
      absl::StrFormat("%9s ", load), Bar(LoadShare(node), bar, colours), " ",
      kv < 0 ? "   -" : absl::StrFormat("%3.0f%%", kv * 100), " ", Bar(kv, bar, colours),
      absl::StrFormat(" %7.2f %10s %10s %9s", node.expected_experts_per_layer(),
                      DurationCell(node.has_predicted_step_time(), node.predicted_step_time()),
                      DurationCell(node.has_reported_step_time(), node.reported_step_time()),
                      DurationCell(node.has_heartbeat_age(), node.heartbeat_age())));
}

std::string Header(std::size_t name_width, std::size_t bar) {
  const std::string gap(bar + 2, ' ');
  return absl::StrCat(Fit("NODE", name_width), " ", Fit("STATE", 15), "      LOAD ", gap, "   KV ",
                      gap, " EXPERTS       STEP   REPORTED      BEAT");
}

std::string Change(double value, double against) {
  return absl::StrFormat("%+.1f%%", 100 * (value / against - 1));
}

}  // namespace

std::string SummaryText(const v1::ListNodesResponse& nodes, std::size_t shown, absl::Time now) {
  std::uint64_t leases = 0;
  int ready = 0;
  for (const v1::Node& node : nodes.nodes()) {
    leases += node.leases();
    if (node.state() == v1::NODE_STATE_READY && !node.draining()) ++ready;
  }
  return absl::StrCat(
      absl::FormatTime("%H:%M:%S", now, absl::LocalTimeZone()), "  ", nodes.nodes_size(),
      " nodes, ", ready, " take placements, ", leases, " leases",
      static_cast<int>(shown) == nodes.nodes_size() ? "" : absl::StrCat("; ", shown, " shown"));
}

std::string TotalsText(const v1::GetHistoryResponse& history) {
  if (history.points().empty()) return absl::StrCat(history.model(), "  no history yet");
  const v1::HistoryPoint& point = history.points(history.points_size() - 1);
  std::string text = absl::StrFormat("%s  %.1f placements/s", history.model(),
                                     point.placements() / std::max(1e-9, point.duration_seconds()));
  if (point.has_decision_p50_seconds()) {
    absl::StrAppendFormat(&text, "  P50 %.0f us, P99 %.0f us", point.decision_p50_seconds() * 1e6,
                          point.decision_p99_seconds() * 1e6);
  }
  if (point.failed_placements() > 0) {
    absl::StrAppend(&text, "  ", point.failed_placements(), " refused");
  }
  if (point.placements() > 0) {
    const auto share = [&](double part) { return 100 * part / point.placements(); };
    absl::StrAppendFormat(&text, "  signatures %.0f%% full, %.0f%% part, %.0f%% none",
                          share(point.signatures_full()), share(point.signatures_partial()),
                          share(point.signatures_missing()));
  }
  if (point.candidate_marginal_experts() > 0) {
    absl::StrAppend(&text, "  experts ",
                    Change(point.marginal_experts(), point.candidate_marginal_experts()),
                    " against the mean candidate");
  }
  if (point.cost_shadow_seconds() > 0) {
    absl::StrAppend(&text, "  cost ",
                    Change(point.cost_made_seconds(), point.cost_shadow_seconds()),
                    " against the shadow");
  }
  return text;
}

std::vector<const v1::Node*> TopNodes(const v1::ListNodesResponse& nodes, const TopState& state) {
  std::vector<const v1::Node*> list;
  for (const v1::Node& node : nodes.nodes()) {
    const std::string text = absl::StrCat(node.spec().node_id(), " ", node.spec().model(), " ",
                                          StateText(node.state(), node.draining()));
    if (absl::StrContains(text, state.filter)) list.push_back(&node);
  }
  std::stable_sort(list.begin(), list.end(), [&](const v1::Node* a, const v1::Node* b) {
    return SortValue(*a, state.sort) > SortValue(*b, state.sort);
  });
  if (state.reverse) std::reverse(list.begin(), list.end());
  return list;
}

std::string DrawTop(const v1::ListNodesResponse& nodes,
                    const std::vector<v1::GetHistoryResponse>& histories, absl::Time now,
                    std::size_t columns, std::size_t rows, bool colours, TopState& state) {
  const std::vector<const v1::Node*> list = TopNodes(nodes, state);
  std::vector<std::string> lines = {Fit(SummaryText(nodes, list.size(), now), columns)};
  for (const v1::GetHistoryResponse& history : histories) {
    const std::vector<std::string> totals = Wrap(TotalsText(history), columns);
    // Nodes get the most of the screen, however many models there are.
    if (lines.size() > 1 && lines.size() + totals.size() > std::max<std::size_t>(5, rows / 3))
      break;
    for (const std::string& line : totals) lines.push_back(Fit(line, columns));
  }
  if (!state.error.empty()) {
    lines.push_back(absl::StrCat(colours ? kRed : "", Fit(state.error, columns)));
  }
  // What is left beside the other cells goes to the name and the two bars.
  constexpr std::size_t kOthers = 79;
  const std::size_t bar = columns >= kOthers + 16 + 20 ? 10 : 3;
  const std::size_t used = kOthers + 2 * bar;
  const std::size_t name_width =
      std::clamp<std::size_t>(columns > used ? columns - used : 8, 8, 40);
  lines.push_back(absl::StrCat(colours ? kInverse : "", Fit(Header(name_width, bar), columns)));
  const std::size_t room = rows > lines.size() + 1 ? rows - lines.size() - 1 : 1;
  state.first = std::min(state.first, list.size() > room ? list.size() - room : 0);
  std::vector<absl::string_view> names;
  names.reserve(list.size());
  for (const v1::Node* node : list) names.push_back(node->spec().node_id());
  const NameShortener shortener(names, name_width);
  for (std::size_t i = state.first; i < std::min(list.size(), state.first + room); ++i) {
    std::string row = Row(*list[i], Fit(shortener.Shorten(names[i]), name_width), bar, colours);
    // A row with colours is not cut: the terminal leaves out what does not fit.
    if (!colours) row = Fit(row, columns);
    lines.push_back(std::move(row));
  }
  while (lines.size() + 1 < rows) lines.push_back(" ");
  const std::string prompt = state.editing || !state.filter.empty()
                                 ? absl::StrCat("filter: ", state.filter, state.editing ? "_" : "")
                                 : "q quits, ? helps";
  lines.push_back(absl::StrCat(colours ? kDim : "", Fit(state.help ? kHelp : prompt, columns)));
  std::string screen;
  for (const std::string& line : lines) absl::StrAppend(&screen, line, "\n");
  return screen;
}

}  // namespace eldr::ctl
