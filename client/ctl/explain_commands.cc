// eldrctl explain
#include <google/protobuf/util/time_util.h>

#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/ctl/command.h"
#include "client/ctl/print.h"

namespace eldr::ctl {
namespace {

void PrintDecision(const v1::ExplainPlacementResponse& explained, Printer out) {
  PrintFields(
      {{"node", explained.node_id()},
       {"place_time", google::protobuf::util::TimeUtil::ToString(explained.place_time())},
       {"lease",
        absl::StrCat(explained.lease_id(), explained.lease_held() ? " (held)" : " (ended)")},
       {"policy", explained.policy()},
       {"reason", EnumText(v1::PlacementReason_Name(explained.reason()), "PLACEMENT_REASON_")},
       {"signature",
        EnumText(v1::SignatureQuality_Name(explained.signature_quality()), "SIGNATURE_QUALITY_")},
       {"signature_coverage", NumberText(explained.signature_coverage(), 3)},
       {"signature_age",
        explained.has_signature_age() ? DurationText(explained.signature_age()) : std::string()},
       {"prefill_worker", explained.prefill_worker()},
       {"trace_id", explained.trace_id()},
       {"load_basis", EnumText(v1::LoadBasis_Name(explained.load_basis()), "LOAD_BASIS_")},
       {"candidates", absl::StrCat(explained.candidate_count())}},
      out);
}

// In the unit that the magnitude asks for, with 3 digits: coefficients span six orders.
std::string SecondsText(double seconds) {
  const double nanoseconds = seconds * 1e9;
  if (std::abs(nanoseconds) < 1e3) return absl::StrFormat("%.3gns", nanoseconds);
  if (std::abs(nanoseconds) < 1e6) return absl::StrFormat("%.3gus", nanoseconds / 1e3);
  return absl::StrFormat("%.3gms", nanoseconds / 1e6);
}

void PrintShadow(const v1::ExplainPlacementResponse& explained, Printer out) {
  if (!explained.has_shadow()) return;
  const v1::ShadowDecision& shadow = explained.shadow();
  out << "shadow policy " << shadow.policy() << ": "
      << (shadow.node_id() == explained.node_id() ? "the same node"
                                                  : "would choose " + shadow.node_id())
      << ", residency cost " << (shadow.cost_difference() < 0 ? "" : "+")
      << SecondsText(shadow.cost_difference()) << "\n";
}

void PrintCandidates(const v1::ExplainPlacementResponse& explained, Printer out) {
  Table table({"CANDIDATE", "LOAD", "EXPERTS", "MARGINAL", "STEP", "COST", "BASE", "PER_EXPERT",
               "PER_REQUEST", "PER_TOKEN", "SLOWNESS", "BUCKET"});
  for (const v1::CandidateScore& candidate : explained.candidates()) {
    const v1::StepTimeCoefficients& step = candidate.step_time();
    table.AddRow(
        {candidate.node_id(), absl::StrCat(candidate.load()),
         NumberText(candidate.expected_experts(), 1), NumberText(candidate.marginal_experts(), 2),
         candidate.has_predicted_step_time() ? DurationText(candidate.predicted_step_time())
                                             : std::string(),
         absl::StrCat(candidate.cost()), SecondsText(step.base()), SecondsText(step.per_expert()),
         SecondsText(step.per_request()), SecondsText(step.per_context_token()),
         NumberText(step.slowness(), 2), absl::StrFormat("%+.1f%%", 100 * step.bucket_offset())});
  }
  table.Print(out);
  std::vector<std::string> avoided;
  for (const v1::CandidateScore& candidate : explained.candidates()) {
    if (candidate.avoided()) avoided.push_back(candidate.node_id());
  }
  if (!avoided.empty()) {
    out << "avoided, for a step slower than the objective allows: " << absl::StrJoin(avoided, ", ")
        << "\n";
  }
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
    PrintShadow(*response, session.out);
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

constexpr Command kExplainCommands[] = {
    {"", "explain", "Show why a request is where it is",
     "The candidates stand in the order of their cost, best first, each with the coefficients of\n"
     "its step time as learned: of every step, per distinct expert, per request, per token of\n"
     "context; how many times slower than configured; and the offset of the batch's bucket.\n"
     "Example:\n  eldrctl explain r1 --model m",
     DefineExplain},
};

}  // namespace

absl::Span<const Command> ExplainCommands() { return kExplainCommands; }

}  // namespace eldr::ctl
