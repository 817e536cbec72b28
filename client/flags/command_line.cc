#include "client/flags/command_line.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>

namespace eldr::flags {

bool Parse(CLI::App& app, int argc, const char* const* argv, int* exit_code,
           const std::function<void()>& check) {
  try {
    app.parse(argc, argv);
    if (check) check();
  } catch (const CLI::ParseError& error) {
    *exit_code = app.exit(error) == 0 ? 0 : kWrongFlags;
    return false;
  }
  return true;
}

CLI::Option* AddNames(CLI::App& app, const std::string& name, const std::vector<std::string>& names,
                      const std::function<void(std::size_t)>& take, const std::string& help) {
  return app
      .add_option_function<std::string>(
          name,
          [names, take](const std::string& text) {
            take(static_cast<std::size_t>(std::find(names.begin(), names.end(), text) -
                                          names.begin()));
          },
          help)
      ->check(CLI::IsMember(names));
}

CLI::Option* AddFormat(CLI::App& app, bool& json) {
  return AddChoice<bool>(app, "--format", json, {{"table", false}, {"json", true}},
                         "How to print the result: table or json [table]");
}

}  // namespace eldr::flags
