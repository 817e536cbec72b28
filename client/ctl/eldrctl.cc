#include "client/ctl/eldrctl.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/ctl/command.h"
#include "client/ctl/connection_options.h"
#include "client/ctl/local_commands.h"
#include "client/ctl/print.h"
#include "client/flags/command_line.h"
#include "client/flags/duration_option.h"
#include "core/version/version_text.h"

namespace eldr::ctl {
namespace {

struct GlobalOptions {
  client::Options connection;
  Format format = Format::kTable;
};

constexpr char kFooter[] = R"(Examples:
  eldrctl models declare mixtral --layers 32 --experts 8 --top-k 2
  eldrctl nodes register d0 --model mixtral --address 10.0.0.7:8000
  eldrctl push-signature r1 --model mixtral --counts r1.json
  eldrctl place r1 --model mixtral
  eldrctl release r1 --model mixtral --output-tokens 512
`eldrctl COMMAND --help` tells more of each. Exit codes: 0 done, 1 the call failed, 2 bad usage.)";

// A group's one line, by its name.
const char* GroupSummary(absl::string_view group) {
  return group == "models" ? "Declare and describe the served models"
                           : "Register, watch and drain the decode nodes";
}

void AddGlobalOptions(CLI::App& app, GlobalOptions& global) {
  AddConnectionOptions(app, global.connection);
  flags::AddDuration(app, "--timeout", global.connection.timeout,
                     "How long a call may take, retries included [5s]");
  flags::AddChoice<Format>(app, "--format", global.format,
                           {{"table", Format::kTable}, {"json", Format::kJson}},
                           "How to print the answer [table]");
  app.set_version_flag("--version", std::string("eldrctl ") + kVersionText);
}

// Declares every command; the runner of the one that was parsed is left in `chosen`.
void AddCommands(CLI::App& app, Runner& chosen) {
  std::map<std::string, CLI::App*> groups;
  for (const auto commands :
       {ModelCommands(), NodeCommands(), HeartbeatCommands(), ReportCommands(), ResidencyCommands(),
        TopCommands(), TailCommands(), SignatureCommands(), BlockCommands(), PlaceCommands(),
        LeaseCommands(), ExplainCommands(), HealthCommands()}) {
    for (const Command& command : commands) {
      CLI::App* parent = &app;
      if (command.group[0] != '\0') {
        CLI::App*& group = groups[command.group];
        if (group == nullptr) {
          group = app.add_subcommand(command.group, GroupSummary(command.group));
          group->require_subcommand(1);
          group->footer("`eldrctl " + std::string(command.group) +
                        " COMMAND --help` tells more of each.");
        }
        parent = group;
      }
      CLI::App* const sub = parent->add_subcommand(command.name, command.summary);
      sub->footer(command.examples);
      sub->callback([&chosen, runner = command.define(*sub)] { chosen = runner; });
    }
  }
}

int Fail(const absl::Status& status, Printer err) {
  PrintError(status, err);
  if (absl::IsUnauthenticated(status)) {
    err << "Give a credential that the daemon knows: --token-file FILE, or --tls-ca FILE, "
           "--tls-cert FILE and --tls-key FILE.\n";
  } else if (absl::StrContains(status.message(), "failed to connect")) {
    // A handshake that fails looks like nobody listening.
    err << "Is eldrd listening there? If its port has TLS, give --tls-ca FILE, and "
           "--tls-server-name NAME if its certificate names another host; without TLS leave them "
           "out.\n";
  }
  return kExitCallFailed;
}

int Run(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
  CLI::App app("Talks to eldrd, the router for the decode phase of mixture-of-experts requests.",
               "eldrctl");
  GlobalOptions global;
  Runner chosen;
  app.footer(kFooter);
  app.fallthrough();  // so that --target may follow the command
  app.require_subcommand(1);
  AddGlobalOptions(app, global);
  AddCommands(app, chosen);
  LocalRunner local;
  AddLocalCommands(app, local);
  try {
    // CLI11 wants the arguments last first.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    return app.exit(error, out, err) == 0 ? kExitOk : kExitUsage;
  }
  if (local) return local(out, err);
  auto client = client::Client::Create(global.connection);
  if (!client.ok()) {
    Fail(client.status(), err);
    return kExitUsage;
  }
  Session session{**client, out, err, global.format, &out == &std::cout};
  const absl::Status status = chosen(session);
  return status.ok() ? kExitOk : Fail(status, err);
}

}  // namespace

int RunEldrctl(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err) {
  const int exit_code = Run(arguments, out, err);
  // Whoever reads it shall not take a part of an answer for all of it.
  if (out.flush()) return exit_code;
  err << "error: cannot write to standard output\n";
  return exit_code == kExitOk ? kExitCallFailed : exit_code;
}

}  // namespace eldr::ctl
