// eldrctl nodes register|list|drain|undrain|remove
#include <map>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "client/ctl/command.h"
#include "client/ctl/duration_option.h"
#include "client/ctl/node_table.h"
#include "client/ctl/page_options.h"
#include "client/ctl/print.h"
#include "client/src/proto_duration.h"

namespace eldr::ctl {
namespace {

struct RegisterOptions {
  std::string node_id, model, address, expert_group;
  std::optional<uint32_t> dp_rank;
  uint32_t capacity = 0;
  uint64_t kv_capacity_tokens = 0;
  std::vector<std::string> labels;
  std::optional<absl::Duration> heartbeat_interval;
  uint32_t tokens_per_step = 0;
  uint64_t incarnation = 0;
};

// REQUIRES: each label holds a '='; the option's check saw to it.
v1::NodeSpec SpecOf(const RegisterOptions& o) {
  v1::NodeSpec spec;
  spec.set_node_id(o.node_id);
  spec.set_model(o.model);
  spec.set_address(o.address);
  if (o.dp_rank) spec.set_dp_rank(*o.dp_rank);
  spec.set_capacity(o.capacity);
  spec.set_kv_capacity_tokens(o.kv_capacity_tokens);
  for (const std::string& label : o.labels) {
    const std::size_t equals = label.find('=');
    (*spec.mutable_labels())[label.substr(0, equals)] = label.substr(equals + 1);
  }
  spec.set_expert_group(o.expert_group);
  if (o.heartbeat_interval) {
    *spec.mutable_heartbeat_interval() = client::internal::ToProto(*o.heartbeat_interval);
  }
  spec.set_tokens_per_step(o.tokens_per_step);
  spec.set_incarnation(o.incarnation);
  return spec;
}

Runner DefineRegister(CLI::App& app) {
  auto o = std::make_shared<RegisterOptions>();
  app.add_option("NODE", o->node_id, "The node's id")->required();
  app.add_option("--model", o->model, "The model it serves")->envname("ELDR_MODEL")->required();
  app.add_option("--address", o->address, "Where frontends reach it")->required();
  app.add_option("--dp-rank", o->dp_rank, "Its data-parallel rank at that address");
  app.add_option("--capacity", o->capacity, "Most concurrent leases; 0: no limit [0]");
  app.add_option("--kv-capacity-tokens", o->kv_capacity_tokens,
                 "Most KV tokens it holds; 0: no limit [0]");
  app.add_option("--label", o->labels, "A label, KEY=VALUE; may be repeated")
      ->allow_extra_args(false)
      ->check([](const std::string& label) {
        return label.find('=') != std::string::npos
                   ? std::string()
                   : absl::StrCat("\"", label, "\" is not a label, expected KEY=VALUE");
      });
  app.add_option("--expert-group", o->expert_group,
                 "The group of ranks that share their expert weights [the node itself]");
  AddDuration(app, "--heartbeat-interval", o->heartbeat_interval,
              "How often it sends heartbeats; 0s: never, and it is ready at once [0s]");
  app.add_option("--tokens-per-step", o->tokens_per_step,
                 "Tokens a step verifies per sequence (speculative decoding) [1]");
  app.add_option("--incarnation", o->incarnation, "Grows with each start of the node [0]");
  return [o](Session& session) -> absl::Status {
    v1::RegisterNodeRequest request;
    *request.mutable_node() = SpecOf(*o);
    const auto response = session.client.RegisterNode(request);
    if (!response.ok()) return response.status();
    if (session.format == Format::kJson) return PrintJson(*response, session.out);
    session.out << "node " << o->node_id
                << (response->created() ? " registered" : " was registered already") << ", "
                << StateText(response->state(), false) << "; ended " << response->ended_leases()
                << " leases; ";
    if (o->heartbeat_interval.value_or(absl::ZeroDuration()) > absl::ZeroDuration()) {
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
