#include "server/flags.h"

// CLI11: help text, typed flags and their errors, in one header.
#include <CLI/CLI.hpp>

#include "core/version/version_text.h"

namespace eldr {
namespace {

constexpr int kExitUsage = 2;

}  // namespace

std::optional<Flags> ParseFlags(int argc, char** argv, int* exit_code) {
  Flags flags;
  bool insecure = false;
  std::vector<std::string> grpc_listen;
  CLI::App app{"eldrd places the decode phase of mixture-of-experts requests by expert residency."};
  app.name("eldrd");
  app.set_version_flag("--version", std::string("eldrd ") + kVersionText);
  app.add_option("--config", flags.config_path, "YAML file to read; see config/eldrd.yaml")
      ->type_name("FILE")
      // A variable that is not set, in a script: the defaults would be in force instead.
      ->check([](const std::string& path) {
        return path.empty() ? "got nothing, expected the path of a file" : std::string();
      });
  app.add_flag("--check-config", flags.check_config, "Check the configuration, print ok, and end");
  app.add_flag("--print-config", flags.print_config, "Print the configuration in force, and end");
  app.add_option("--port-file", flags.port_file,
                 "Write grpc=HOST:PORT and http=HOST:PORT here once both listen")
      ->type_name("FILE");
  app.add_option("--grpc-listen", grpc_listen, "Overrides grpc.listen; may be repeated")
      ->type_name("ADDRESS")
      ->allow_extra_args(false);
  app.add_flag("--insecure", insecure, "Overrides grpc.insecure and http.insecure with true");

  // Flags that override one key each.
  struct KeyFlag {
    const char* flag;
    const char* key;
    const char* type;
    std::string value;
  };
  std::vector<KeyFlag> key_flags = {
      {"--http-listen", "http.listen", "ADDRESS", ""},
      {"--seed", "seed", "NUMBER", ""},
      {"--log-level", "log.level", "LEVEL", ""},
      {"--log-format", "log.format", "text|json", ""},
      {"--shutdown-delay", "shutdown_delay", "DURATION", ""},
  };
  std::vector<CLI::Option*> options;
  options.reserve(std::size(key_flags));
  for (KeyFlag& key_flag : key_flags) {
    options.push_back(
        app.add_option(key_flag.flag, key_flag.value, std::string("Overrides ") + key_flag.key)
            ->type_name(key_flag.type));
  }

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    *exit_code = app.exit(error) == 0 ? 0 : kExitUsage;
    return std::nullopt;
  }
  for (std::string& address : grpc_listen) {
    flags.overrides.push_back({"grpc.listen", std::move(address), "--grpc-listen"});
  }
  for (std::size_t i = 0; i < key_flags.size(); ++i) {
    if (options[i]->count() == 0) continue;
    flags.overrides.push_back({key_flags[i].key, key_flags[i].value, key_flags[i].flag});
  }
  if (insecure) {
    flags.overrides.push_back({"grpc.insecure", "true", "--insecure"});
    flags.overrides.push_back({"http.insecure", "true", "--insecure"});
  }
  return flags;
}

}  // namespace eldr
