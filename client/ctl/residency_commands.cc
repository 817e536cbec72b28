// eldrctl nodes residency
#include <memory>

#include "client/ctl/command.h"
#include "client/ctl/print.h"
#include "client/ctl/residency_view.h"
#include "client/ctl/terminal.h"

namespace eldr::ctl {
namespace {

Runner DefineResidency(CLI::App& app) {
  struct Options {
    std::string node_id;
    std::size_t width = 128;
    std::string colours = "auto";
  };
  auto o = std::make_shared<Options>();
  app.add_option("NODE", o->node_id, "The node's id")->required();
  app.add_option("--width", o->width, "The most cells in a line")
      ->capture_default_str()
      ->check(CLI::Range(1, 4096));
  app.add_option("--color", o->colours,
                 "Whether to colour the cells: auto does on a terminal, unless NO_COLOR is set")
      ->capture_default_str()
      ->check(CLI::IsMember({"auto", "always", "never"}));
  return [o](Session& session) -> absl::Status {
    v1::GetResidencyRequest request;
    request.set_node_id(o->node_id);
    const auto response = session.client.GetResidency(request);
    if (!response.ok()) return response.status();
    if (session.format == Format::kJson) return PrintJson(*response, session.out);
    const bool colours = o->colours == "always" ||
                         (o->colours == "auto" && session.on_stdout && TerminalHasColours());
    PrintHeatmap(*response, o->width, colours, session.out);
    return absl::OkStatus();
  };
}

constexpr Command kResidencyCommands[] = {
    {"nodes", "residency", "Show which experts a node's decode steps activate, as a heatmap",
     "One line per layer; at its end the layer's expected distinct experts per step.\n"
     "Examples:\n"
     "  eldrctl nodes residency d0\n"
     "  eldrctl nodes residency d0 --color always | less -R\n"
     "  eldrctl nodes residency d0 --format json",
     DefineResidency},
};

}  // namespace

absl::Span<const Command> ResidencyCommands() { return kResidencyCommands; }

}  // namespace eldr::ctl
