// eldrctl explain
#include <google/protobuf/util/time_util.h>

#include <map>
#include <memory>

#include "absl/strings/str_cat.h"
#include "client/ctl/command.h"
#include "client/ctl/print.h"

namespace eldr::ctl {
namespace {

void PrintDecision(const v1::ExplainPlacementResponse& explained, std::ostream& out) {
  PrintFields(
      {{"node", explained.node_id()},
       {"place_time", google::protobuf::util::TimeUtil::ToString(explained.place_time())},
       {"lease",
        absl::StrCat(explained.lease_id(), explained.lease_held() ? " (held)" : " (ended)")},
       {"policy", explained.policy()},
       {"reason", EnumText(v1::PlacementReason_Name(explained.reason()), "PLACEMENT_REASON_")},
       {"signature",
        EnumText(v1::SignatureQuality_Name(explained.signature_quality()), "SIGNATURE_QUALITY_")},
       {"signature_age",
        explained.has_signature_age() ? DurationText(explained.signature_age()) : std::string()},
       {"prefill_worker", explained.prefill_worker()},
       {"load_basis", EnumText(v1::LoadBasis_Name(explained.load_basis()), "LOAD_BASIS_")},
       {"candidates", absl::StrCat(explained.candidate_count())}},
      out);
}

void PrintCandidates(const v1::ExplainPlacementResponse& explained, std::ostream& out) {
  Table table({"CANDIDATE", "LOAD", "EXPERTS", "MARGINAL", "STEP", "COST"});
  for (const v1::CandidateScore& candidate : explained.candidates()) {
    table.AddRow(
        {candidate.node_id(), absl::StrCat(candidate.load()),
         NumberText(candidate.expected_experts(), 1), NumberText(candidate.marginal_experts(), 2),
         candidate.has_predicted_step_time() ? DurationText(candidate.predicted_step_time())
                                             : std::string(),
         absl::StrCat(candidate.cost())});
  }
  table.Print(out);
}

Runner DefineExplain(CLI::App& app) {
  struct Options {
    std::string request_id, model;
  };
  auto o = std::make_shared<Options>();
  app.add_option("REQUEST", o->request_id, "The request's id")->required();
  app.add_option("--model", o->model, "The request's model")->envname("ELDR_MODEL")->required();
  return [o](Session& session) -> absl::Status {
    v1::ExplainPlacementRequest request;
    request.set_model(o->model);
    request.set_request_id(o->request_id);
    const auto response = session.client.ExplainPlacement(request);
    if (!response.ok()) return response.status();
    if (session.format == Format::kJson) return PrintJson(*response, session.out);
    PrintDecision(*response, session.out);
    session.out << "\n";
    PrintCandidates(*response, session.out);
    for (const v1::IneligibleCount& count : response->ineligible()) {
      session.out << "not candidates: " << count.nodes() << " by "
                  << EnumText(v1::IneligibleReason_Name(count.reason()), "INELIGIBLE_REASON_")
                  << "\n";
    }
    // Sorted: the wire's map has no order.
    const std::map<std::string, double> parameters(response->parameters().begin(),
                                                   response->parameters().end());
    for (const auto& [name, value] : parameters) {
      session.out << "parameter " << name << " = " << value << "\n";
    }
    return absl::OkStatus();
  };
}

constexpr Command kCommands[] = {
    {"", "explain", "Show why a request is where it is",
     "The candidates stand in the order of their cost, best first.\n"
     "Example:\n  eldrctl explain r1 --model m",
     DefineExplain},
};

}  // namespace

absl::Span<const Command> ExplainCommands() { return kCommands; }

}  // namespace eldr::ctl
