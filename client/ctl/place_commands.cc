// eldrctl place
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "client/ctl/block_options.h"
#include "client/ctl/command.h"
#include "client/ctl/print.h"
#include "client/ctl/signature_source.h"
#include "client/flags/duration_option.h"
#include "client/src/proto_duration.h"

namespace eldr::ctl {
namespace {

struct PlaceOptions {
  std::string request_id, model, prefill_worker;
  SignatureSource source;
  PromptBlocksSource blocks;
  uint32_t sequences = 0;
  uint64_t context_tokens = 0;
  std::optional<uint64_t> max_output_tokens;
  std::vector<std::string> prefer, allow, exclude;
  std::optional<absl::Duration> signature_wait, lease_ttl;
};

v1::PlaceRequest RequestOf(const PlaceOptions& o) {
  v1::PlaceRequest request;
  request.set_model(o.model);
  request.set_request_id(o.request_id);
  request.set_prefill_worker(o.prefill_worker);
  request.set_sequences(o.sequences);
  request.set_context_tokens(o.context_tokens);
  if (o.max_output_tokens) request.set_max_output_tokens(*o.max_output_tokens);
  for (const std::string& node : o.prefer) request.add_prefer_nodes(node);
  for (const std::string& node : o.allow) request.add_allow_nodes(node);
  for (const std::string& node : o.exclude) request.add_exclude_nodes(node);
  if (o.signature_wait) {
    *request.mutable_signature_wait() = client::internal::ToProto(*o.signature_wait);
  }
  if (o.lease_ttl) *request.mutable_lease_ttl() = client::internal::ToProto(*o.lease_ttl);
  return request;
}

std::string NodeText(const v1::PlacedNode& node) {
  return absl::StrCat(node.node_id(), " at ", node.address(),
                      node.has_dp_rank() ? absl::StrCat(" rank ", node.dp_rank()) : "");
}

void PrintPlacement(const v1::PlaceResponse& placed, Printer out) {
  std::vector<std::pair<std::string, std::string>> fields = {
      {"node", NodeText(placed.node())},
      {"lease_id", absl::StrCat(placed.lease_id())},
      {"lease_ttl", DurationText(placed.lease_ttl())},
      {"policy", placed.policy()},
      {"reason", EnumText(v1::PlacementReason_Name(placed.reason()), "PLACEMENT_REASON_")},
      {"signature_quality",
       EnumText(v1::SignatureQuality_Name(placed.signature_quality()), "SIGNATURE_QUALITY_")},
      {"signature_coverage", NumberText(placed.signature_coverage(), 3)},
      {"load_basis", EnumText(v1::LoadBasis_Name(placed.load_basis()), "LOAD_BASIS_")},
      {"marginal_experts", NumberText(placed.marginal_experts(), 2)},
      {"predicted_step_time", placed.has_predicted_step_time()
                                  ? DurationText(placed.predicted_step_time())
                                  : std::string()}};
  for (const v1::PlacedNode& node : placed.fallbacks()) {
    fields.emplace_back("fallback", NodeText(node));
  }
  PrintFields(fields, out);
}

absl::Status Place(Session& session, const PlaceOptions& o) {
  v1::PlaceRequest request = RequestOf(o);
  absl::Status status = SetPrompt(o.source, o.blocks, o.model, session.client, request);
  if (!status.ok()) return status;
  const auto response = session.client.Place(request);
  if (!response.ok()) return response.status();
  if (session.format == Format::kJson) return PrintJson(*response, session.out);
  PrintPlacement(*response, session.out);
  return absl::OkStatus();
}

Runner DefinePlace(CLI::App& app) {
  auto o = std::make_shared<PlaceOptions>();
  app.add_option("REQUEST", o->request_id, "The request's id")->required();
  app.add_option("--model", o->model, "The request's model")->envname("ELDR_MODEL")->required();
  AddSignatureOptions(app, o->source, SignatureNeed::kOptional);
  app.add_option("--prefill-worker", o->prefill_worker, "Who computed it, or holds the blocks");
  AddPromptBlocksOption(app, o->blocks);
  app.add_option("--sequences", o->sequences, "Sequences decoded side by side [1]");
  app.add_option("--context-tokens", o->context_tokens, "Tokens of context [not told]");
  app.add_option("--max-output-tokens", o->max_output_tokens, "The most it will generate");
  app.add_option("--prefer", o->prefer, "Nodes that go first if eligible")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("ID,...");
  app.add_option("--allow", o->allow, "The only candidates [all]")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("ID,...");
  app.add_option("--exclude", o->exclude, "Nodes that are no candidates")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("ID,...");
  flags::AddDuration(app, "--signature-wait", o->signature_wait,
                     "How long to wait for a signature, at most 50ms [0s]");
  flags::AddDuration(app, "--lease-ttl", o->lease_ttl,
                     "How long the lease lives, 1s to 1h [daemon's]");
  return [o](Session& session) { return Place(session, *o); };
}

constexpr Command kPlaceCommands[] = {
    {"", "place", "Place a request on a decode node, as a frontend does",
     "A signature pushed before is used; one given here saves the push (forms as in\n"
     "`eldrctl push-signature --help`). Placing again renews the lease and answers the same node.\n"
     "Examples:\n"
     "  eldrctl place r1 --model m\n"
     "  eldrctl place r1 --model m --counts r1.json --context-tokens 812 --max-output-tokens 512\n"
     "  eldrctl place r1 --model m --exclude d0 --prefer d3      (move to the fallback d3)",
     DefinePlace},
};

}  // namespace

absl::Span<const Command> PlaceCommands() { return kPlaceCommands; }

}  // namespace eldr::ctl
