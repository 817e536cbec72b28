// eldrctl completion, eldrctl config
#include "client/ctl/local_commands.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/Option.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "client/ctl/completion.h"
#include "client/ctl/config_diff.h"
#include "client/ctl/eldrctl.h"

namespace eldr::ctl {
namespace {

// The eldrd beside this program, since they were installed together; otherwise the one in PATH.
std::string FindDaemon() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::filesystem::path beside = self.parent_path() / "eldrd";
  return !error && access(beside.c_str(), X_OK) == 0 ? beside.string() : "eldrd";
}

// Runs a program with this one's files; the exit code, or -1 with the reason in `why`. What it
// prints goes into `output`, if there is one.
int RunProgram(std::vector<std::string> arguments, std::string& why,
               std::string* output = nullptr) {
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  int ends[2] = {-1, -1};
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  if (output != nullptr) {
    if (pipe2(ends, O_CLOEXEC) != 0) {
      why = std::strerror(errno);
      return -1;
    }
    posix_spawn_file_actions_adddup2(&files, ends[1], STDOUT_FILENO);
  }
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, argv[0], &files, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (output != nullptr) {
    close(ends[1]);
    char text[4096];
    for (ssize_t size = 0; (size = read(ends[0], text, sizeof(text))) > 0;) {
      output->append(text, static_cast<std::size_t>(size));
    }
    close(ends[0]);
  }
  if (error != 0) {
    why = std::strerror(error);
    return -1;
  }
  int status = 0;
  if (waitpid(pid, &status, 0) < 0 || !WIFEXITED(status)) {
    why = "it did not end by itself";
    return -1;
  }
  return WEXITSTATUS(status);
}

// Lets eldrd, the one that was named or that is found, do something with a file. Its exit code, or
// -1 if it cannot be run, which is told.
int RunDaemon(const std::string& daemon, const std::string& file, const char* what,
              std::ostream& err, std::string* output = nullptr) {
  std::string why;
  const std::string program = daemon.empty() ? FindDaemon() : daemon;
  const int code = RunProgram({program, "--config", file, what}, why, output);
  if (code < 0) {
    err << "eldrctl: cannot run " << program << " (" << why << "); name it with --eldrd PROGRAM\n";
  }
  return code;
}

// The daemon checks, since it alone knows all keys of its version and reads the files they name.
int CheckConfig(const std::string& daemon, const std::string& file, std::ostream& err) {
  const int code = RunDaemon(daemon, file, "--check-config", err);
  return code < 0 ? kExitUsage : code == 0 ? kExitOk : kExitCallFailed;
}

// Both as the daemon prints them, with every default, so that only what has an effect differs.
int DiffConfigs(const std::string& daemon, const std::string& running, const std::string& file,
                std::ostream& out, std::ostream& err) {
  std::string before, after;
  // Why one cannot be read has been told, by the daemon or of it.
  if (RunDaemon(daemon, running, "--print-config", err, &before) != 0 ||
      RunDaemon(daemon, file, "--print-config", err, &after) != 0) {
    return kExitUsage;
  }
  const std::vector<std::string> lines = DiffPrintedConfigs(before, after);
  for (const std::string& line : lines) out << line << "\n";
  return lines.empty() ? kExitOk : kExitCallFailed;
}

void AddCompletion(CLI::App& app, LocalRunner& chosen) {
  CLI::App* const sub = app.add_subcommand(
      "completion", "Print a script with which a shell completes eldrctl's command lines");
  auto shell = std::make_shared<std::string>();
  sub->add_option("SHELL", *shell, "The shell")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  sub->footer(
      "Examples:\n"
      "  source <(eldrctl completion bash)    # bash or zsh, in this shell\n"
      "  eldrctl completion fish | source");
  sub->callback([&app, &chosen, shell] {
    chosen = [&app, shell](std::ostream& out, std::ostream&) {
      out << (*shell == "bash"  ? BashCompletion(app)
              : *shell == "zsh" ? ZshCompletion(app)
                                : FishCompletion(app));
      return kExitOk;
    };
  });
}

void AddConfig(CLI::App& app, LocalRunner& chosen) {
  CLI::App* const group =
      app.add_subcommand("config", "Check and compare configurations of the daemon");
  group->require_subcommand(1);
  CLI::App* const check = group->add_subcommand(
      "check", "Check a configuration file as the daemon would, without starting it");
  auto file = std::make_shared<std::string>();
  auto daemon = std::make_shared<std::string>();
  check->add_option("FILE", *file, "The file")->required();
  check->add_option("--eldrd", *daemon, "The daemon that checks [beside eldrctl, or in PATH]")
      ->type_name("FILE");
  check->footer(
      "Prints ok, or the line, the key and what was expected, and exits with 1. The files of\n"
      "certificates and tokens that it names are read too.\n"
      "Examples:\n"
      "  eldrctl config check /etc/eldr/eldrd.yaml");
  check->callback([&chosen, file, daemon] {
    chosen = [file, daemon](std::ostream&, std::ostream& err) {
      return CheckConfig(*daemon, *file, err);
    };
  });

  CLI::App* const diff = group->add_subcommand(
      "diff", "Show which keys a file changes against the configuration that runs");
  auto running = std::make_shared<std::string>();
  diff->add_option("RUNNING", *running, "What runs: the page /config of the HTTP port, in a file")
      ->required();
  diff->add_option("FILE", *file, "The file")->required();
  diff->add_option("--eldrd", *daemon, "The daemon that reads them [beside eldrctl, or in PATH]")
      ->type_name("FILE");
  diff->footer(
      "A line for each key whose value differs, defaults included. Exits with 0 if none does, 1 if "
      "one\n"
      "does, 2 if a file cannot be read.\n"
      "Examples:\n"
      "  curl -fsS http://127.0.0.1:9090/config >running.yaml\n"
      "  eldrctl config diff running.yaml /etc/eldr/eldrd.yaml");
  diff->callback([&chosen, running, file, daemon] {
    chosen = [running, file, daemon](std::ostream& out, std::ostream& err) {
      return DiffConfigs(*daemon, *running, *file, out, err);
    };
  });
}

}  // namespace

void AddLocalCommands(CLI::App& app, LocalRunner& chosen) {
  AddConfig(app, chosen);
  AddCompletion(app, chosen);
}

}  // namespace eldr::ctl
