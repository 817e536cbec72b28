#include "client/flags/command_line.h"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <set>

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

CLI::Option* AddNames(CLI::App& app, const std::string& name,
                      const std::map<std::string, std::function<void()>>& take,
                      const std::string& help) {
  std::set<std::string> names;
  for (const auto& [text, _] : take) names.insert(text);
  return app
      .add_option_function<std::string>(
          name, [take](const std::string& text) { take.at(text)(); }, help)
      ->check(CLI::IsMember(names));
}

CLI::Option* AddFormat(CLI::App& app, bool& json) {
  return AddChoice<bool>(app, "--format", json, {{"table", false}, {"json", true}},
                         "How to print the result: table or json [table]");
}

}  // namespace eldr::flags
