// What a command of eldrctl is.
#ifndef ELDR_CLIENT_CTL_COMMAND_H_
#define ELDR_CLIENT_CTL_COMMAND_H_

#include <CLI/App.hpp>
#include <functional>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "client/ctl/printer.h"
#include "eldr/client/client.h"

namespace eldr::ctl {

// How answers are printed: for people, or as protobuf's JSON of the response message.
enum class Format { kTable, kJson };

// What a command runs with.
struct Session {
  client::Client& client;
  Printer out;
  // For what goes wrong while the command goes on.
  Printer err;
  Format format = Format::kTable;
  // Whether `out` is the process's standard output, which may be a terminal.
  bool on_stdout = false;
};

// Runs a command whose options are parsed. Prints its answer, or returns the error that ends it.
using Runner = std::function<absl::Status(Session&)>;

// One line of the table of commands.
struct Command {
  // "models" for `eldrctl models list`; "" for a command of its own.
  const char* group;
  const char* name;
  // One line, for the list of commands.
  const char* summary;
  // What --help ends with: notes and examples.
  const char* examples;
  // Declares the command's options in `app` and returns what runs it.
  Runner (*define)(CLI::App& app);
};

// The commands of each file, in the order of the help.
absl::Span<const Command> ModelCommands();
absl::Span<const Command> NodeCommands();
absl::Span<const Command> HeartbeatCommands();
absl::Span<const Command> ReportCommands();
absl::Span<const Command> ResidencyCommands();
absl::Span<const Command> TopCommands();
absl::Span<const Command> TailCommands();
absl::Span<const Command> SignatureCommands();
absl::Span<const Command> BlockCommands();
absl::Span<const Command> PlaceCommands();
absl::Span<const Command> LeaseCommands();
absl::Span<const Command> ExplainCommands();
absl::Span<const Command> HealthCommands();

}  // namespace eldr::ctl

#endif  // ELDR_CLIENT_CTL_COMMAND_H_
