// eldrctl tail
#include <google/protobuf/util/time_util.h>

#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "client/ctl/command.h"
#include "client/ctl/print.h"

namespace eldr::ctl {
namespace {

struct TailOptions {
  std::string model, node_id;
  std::optional<uint64_t> count;
};

// A line: time, request, node, why, what was known, and what it cost against the runner-up.
void PrintLine(const v1::WatchPlacementsResponse& told, Printer out) {
  const v1::ExplainPlacementResponse& placement = told.placement();
  if (told.missed() > 0) out << "... " << told.missed() << " missed\n";
  out << google::protobuf::util::TimeUtil::ToString(placement.place_time()) << "  " << told.model()
      << "  " << told.request_id() << " -> " << placement.node_id() << "  "
      << EnumText(v1::PlacementReason_Name(placement.reason()), "PLACEMENT_REASON_")
      << ", signature "
      << EnumText(v1::SignatureQuality_Name(placement.signature_quality()), "SIGNATURE_QUALITY_")
      << ", load by " << EnumText(v1::LoadBasis_Name(placement.load_basis()), "LOAD_BASIS_");
  if (placement.candidates_size() > 0) {
    const v1::CandidateScore& chosen = placement.candidates(0);
    out << "; load " << chosen.load() << ", adds " << NumberText(chosen.marginal_experts(), 1)
        << " experts to " << NumberText(chosen.expected_experts(), 1) << ", step "
        << DurationText(chosen.predicted_step_time());
  }
  if (placement.candidates_size() > 1) {
    const v1::CandidateScore& second = placement.candidates(1);
    out << "; next " << second.node_id() << " adds " << NumberText(second.marginal_experts(), 1);
  }
  if (placement.has_shadow() && placement.shadow().node_id() != placement.node_id()) {
    out << "; " << placement.shadow().policy() << " would choose " << placement.shadow().node_id();
  }
  out << "\n";
  out.Flush();
}

Runner DefineTail(CLI::App& app) {
  auto o = std::make_shared<TailOptions>();
  app.add_option("--model", o->model, "Only placements of this model [all]")->envname("ELDR_MODEL");
  app.add_option("--node", o->node_id, "Only placements on this node [all]");
  app.add_option("--count", o->count, "End after so many [until interrupted]")
      ->check(CLI::PositiveNumber);
  return [o](Session& session) -> absl::Status {
    v1::WatchPlacementsRequest request;
    request.set_model(o->model);
    request.set_node_id(o->node_id);
    uint64_t left = o->count.value_or(UINT64_MAX);
    absl::Status printed;
    const absl::Status watched =
        session.client.WatchPlacements(request, [&](const v1::WatchPlacementsResponse& told) {
          if (session.format == Format::kJson) {
            printed = PrintJson(told, session.out);
          } else {
            PrintLine(told, session.out);
          }
          return printed.ok() && --left > 0;
        });
    return printed.ok() ? watched : printed;
  };
}

constexpr Command kTailCommands[] = {
    {"", "tail", "Show placements as they are made",
     "A caller that reads too slowly misses some, and is told how many.\n"
     "Examples:\n"
     "  eldrctl tail --model m\n"
     "  eldrctl tail --node d0 --count 10 --format json",
     DefineTail},
};

}  // namespace

absl::Span<const Command> TailCommands() { return kTailCommands; }

}  // namespace eldr::ctl
