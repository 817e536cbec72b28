// eldrctl nodes register|list|drain|undrain|remove
#include <memory>
#include <string>

#include "client/ctl/command.h"
#include "client/ctl/node_spec_options.h"
#include "client/ctl/node_table.h"
#include "client/ctl/page_options.h"
#include "client/ctl/print.h"
#include "client/flags/duration_option.h"
#include "client/src/proto_duration.h"

namespace eldr::ctl {
namespace {

Runner DefineRegister(CLI::App& app) {
  auto request = std::make_shared<v1::RegisterNodeRequest>();
  v1::NodeSpec& spec = *request->mutable_node();
  app.add_option("NODE", *spec.mutable_node_id(), "The node's id")->required();
  AddNodeSpecOptions(app, spec);
  auto interval = std::make_shared<absl::Duration>();
  flags::AddDuration(app, "--heartbeat-interval", *interval,
                     "How often it sends heartbeats; 0s: never, and it is ready at once [0s]");
  app.add_option_function<uint64_t>(
      "--incarnation", [&spec](const uint64_t& value) { spec.set_incarnation(value); },
      "Grows with each start of the node [0]");
  return [request, interval](Session& session) -> absl::Status {
    *request->mutable_node()->mutable_heartbeat_interval() = client::internal::ToProto(*interval);
    const auto response = session.client.RegisterNode(*request);
    if (!response.ok()) return response.status();
    if (session.format == Format::kJson) return PrintJson(*response, session.out);
    session.out << "node " << request->node().node_id()
                << (response->created() ? " registered" : " was registered already") << ", "
                << StateText(response->state(), false) << "; ended " << response->ended_leases()
                << " leases; ";
    if (*interval > absl::ZeroDuration()) {
      session.out << "lost after " << DurationText(response->node_timeout()) << " of silence\n";
    } else {
      session.out << "sends no heartbeats, never lost by silence\n";
    }
    if (!response->shares_address_with().empty()) {
      session.out
          << "warning: node " << response->shares_address_with()
          << " has the same address and rank; if both are one engine, it is counted twice\n";
    }
    return absl::OkStatus();
  };
}

Runner DefineListNodes(CLI::App& app) {
  auto model = std::make_shared<std::string>();
  auto page = std::make_shared<PageOptions>();
  app.add_option("--model", *model, "Only nodes of this model [all]")->envname("ELDR_MODEL");
  AddPageOptions(app, *page);
  return [model, page](Session& session) -> absl::Status {
    v1::ListNodesRequest request;
    request.set_model(*model);
    page->Set(request);
    const auto response = session.client.ListNodes(request);
    if (!response.ok()) return response.status();
    if (session.format == Format::kJson) return PrintJson(*response, session.out);
    PrintNodes(*response, session.out);
    PrintNextPage(response->next_page_token(), session.out);
    return absl::OkStatus();
  };
}

Runner DefineDrain(CLI::App& app) {
  auto node = std::make_shared<std::string>();
  app.add_option("NODE", *node, "The node's id")->required();
  return [node](Session& session) -> absl::Status {
    v1::DrainNodeRequest request;
    request.set_node_id(*node);
    const auto response = session.client.DrainNode(request);
    if (!response.ok()) return response.status();
    if (session.format == Format::kJson) return PrintJson(*response, session.out);
    session.out << "node " << *node << " drains; it holds " << response->leases() << " leases\n";
    return absl::OkStatus();
  };
}

Runner DefineUndrain(CLI::App& app) {
  auto node = std::make_shared<std::string>();
  app.add_option("NODE", *node, "The node's id")->required();
  return [node](Session& session) -> absl::Status {
    v1::UndrainNodeRequest request;
    request.set_node_id(*node);
    const auto response = session.client.UndrainNode(request);
    if (!response.ok()) return response.status();
    if (session.format == Format::kJson) return PrintJson(*response, session.out);
    session.out << "node " << *node << " takes placements again, "
                << StateText(response->state(), false) << "\n";
    return absl::OkStatus();
  };
}

Runner DefineRemove(CLI::App& app) {
  auto node = std::make_shared<std::string>();
  app.add_option("NODE", *node, "The node's id")->required();
  return [node](Session& session) -> absl::Status {
    v1::RemoveNodeRequest request;
    request.set_node_id(*node);
    const auto response = session.client.RemoveNode(request);
    if (!response.ok()) return response.status();
    if (session.format == Format::kJson) return PrintJson(*response, session.out);
    session.out << "node " << *node << (response->removed() ? " removed" : " was not registered")
                << "; ended " << response->ended_leases() << " leases\n";
    return absl::OkStatus();
  };
}

constexpr Command kNodeCommands[] = {
    {"nodes", "register", "Register a decode node",
     "Without --heartbeat-interval the node is ready at once and never lost by silence.\n"
     "Examples:\n"
     "  eldrctl nodes register d0 --model qwen3-30b --address 10.0.0.7:8000\n"
     "  eldrctl nodes register d1 --model qwen3-30b --address 10.0.0.8:8000 --capacity 64 \\\n"
     "      --heartbeat-interval 1s --incarnation 1700000000 --label rack=r2",
     DefineRegister},
    {"nodes", "list", "List the nodes with their state, load and residency",
     "Example:\n  eldrctl nodes list --model qwen3-30b", DefineListNodes},
    {"nodes", "drain", "Take no new placements on a node; its leases live on",
     "Example:\n  eldrctl nodes drain d0", DefineDrain},
    {"nodes", "undrain", "End a node's drain", "Example:\n  eldrctl nodes undrain d0",
     DefineUndrain},
    {"nodes", "remove", "Remove a node and end its leases", "Example:\n  eldrctl nodes remove d0",
     DefineRemove},
};

}  // namespace

absl::Span<const Command> NodeCommands() { return kNodeCommands; }

}  // namespace eldr::ctl
