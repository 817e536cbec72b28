// eldrctl models ...
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/ctl/command.h"
#include "client/ctl/page_options.h"
#include "client/ctl/print.h"

namespace eldr::ctl {
namespace {

void PrintModels(const google::protobuf::RepeatedPtrField<v1::Model>& models, Printer out) {
  Table table({"MODEL", "LAYERS", "EXPERTS", "TOP_K", "POLICY"});
  for (const v1::Model& model : models) {
    const v1::ModelGeometry& geometry = model.geometry();
    table.AddRow({model.name(), absl::StrCat(geometry.layers()), absl::StrCat(geometry.experts()),
                  absl::StrCat(geometry.top_k()), model.policy()});
  }
  table.Print(out);
}

Runner DefineDeclare(CLI::App& app) {
  struct Options {
    std::string name;
    uint32_t layers = 0;
    uint32_t experts = 0;
    uint32_t top_k = 0;
    std::vector<uint32_t> moe_hidden_layers;
    std::string policy;
  };
  auto o = std::make_shared<Options>();
  app.add_option("NAME", o->name, "The model's name")->required();
  app.add_option("--layers", o->layers, "MoE layers (dense ones not counted)")->required();
  app.add_option("--experts", o->experts, "Routed experts per MoE layer")->required();
  app.add_option("--top-k", o->top_k, "Experts that a token activates per layer")->required();
  app.add_option("--moe-hidden-layers", o->moe_hidden_layers,
                 "Which hidden layers are the MoE layers, e.g. 1,2,3 [all]")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("LAYER,...");
  app.add_option("--policy", o->policy, "The policy that places its requests [the daemon's]");
  return [o](Session& session) -> absl::Status {
    v1::DeclareModelRequest request;
    request.set_name(o->name);
    v1::ModelGeometry& geometry = *request.mutable_geometry();
    geometry.set_layers(o->layers);
    geometry.set_experts(o->experts);
    geometry.set_top_k(o->top_k);
    for (const uint32_t layer : o->moe_hidden_layers) geometry.add_moe_hidden_layers(layer);
    request.set_policy(o->policy);
    const auto response = session.client.DeclareModel(request);
    if (!response.ok()) return response.status();
    if (session.format == Format::kJson) return PrintJson(*response, session.out);
    const v1::Model& model = response->model();
    session.out << "model " << model.name()
                << (response->created() ? " declared" : " was declared already") << ", policy "
                << model.policy() << "\n";
    return absl::OkStatus();
  };
}

Runner DefineListModels(CLI::App& app) {
  auto page = std::make_shared<PageOptions>();
  AddPageOptions(app, *page);
  return [page](Session& session) -> absl::Status {
    v1::ListModelsRequest request;
    page->Set(request);
    const auto response = session.client.ListModels(request);
    if (!response.ok()) return response.status();
    if (session.format == Format::kJson) return PrintJson(*response, session.out);
    PrintModels(response->models(), session.out);
    PrintNextPage(response->next_page_token(), session.out);
    return absl::OkStatus();
  };
}

void PrintDescription(const v1::DescribeModelResponse& described, Printer out) {
  const v1::ModelGeometry& geometry = described.model().geometry();
  PrintFields({{"model", described.model().name()},
               {"layers", absl::StrCat(geometry.layers())},
               {"experts", absl::StrCat(geometry.experts())},
               {"top_k", absl::StrCat(geometry.top_k())},
               {"moe_hidden_layers", geometry.moe_hidden_layers().empty()
                                         ? "all"
                                         : absl::StrJoin(geometry.moe_hidden_layers(), ",")},
               {"policy", described.model().policy()},
               {"nodes", absl::StrCat(described.nodes(), " (", described.ready_nodes(),
                                      " ready and not draining)")},
               {"leases", absl::StrCat(described.leases())},
               {"stored_signatures", absl::StrCat(described.stored_signatures(), " (",
                                                  described.stored_signature_bytes(), " bytes)")},
               {"stored_blocks", absl::StrCat(described.stored_blocks(), " (",
                                              described.stored_block_bytes(), " bytes)")},
               {"learned_requests", absl::StrCat(described.learned_requests())},
               {"decode_observations", absl::StrCat(described.decode_observations())},
               {"panic_mode", described.panic_mode() ? "yes" : "no"}},
              out);
  // Sorted: the wire's map has no order.
  const std::map<std::string, double> parameters(described.parameters().begin(),
                                                 described.parameters().end());
  for (const auto& [name, value] : parameters) {
    out << "parameter " << name << " = " << value << "\n";
  }
}

Runner DefineDescribe(CLI::App& app) {
  auto name = std::make_shared<std::string>();
  app.add_option("NAME", *name, "The model's name")->required();
  return [name](Session& session) -> absl::Status {
    v1::DescribeModelRequest request;
    request.set_name(*name);
    const auto response = session.client.DescribeModel(request);
    if (!response.ok()) return response.status();
    if (session.format == Format::kJson) return PrintJson(*response, session.out);
    PrintDescription(*response, session.out);
    return absl::OkStatus();
  };
}

constexpr Command kModelCommands[] = {
    {"models", "declare", "Declare a model; the same geometry again changes nothing",
     "Examples:\n"
     "  eldrctl models declare qwen3-30b --layers 48 --experts 128 --top-k 8\n"
     "  eldrctl models declare deepseek --layers 58 --experts 256 --top-k 8 --policy residency",
     DefineDeclare},
    {"models", "list", "List the declared models", "Example:\n  eldrctl models list --format json",
     DefineListModels},
    {"models", "describe", "Show a model's geometry, policy, parameters and what it holds now",
     "Example:\n  eldrctl models describe qwen3-30b", DefineDescribe},
};

}  // namespace

absl::Span<const Command> ModelCommands() { return kModelCommands; }

}  // namespace eldr::ctl
