// What the command lines of our programs have in common.
#ifndef ELDR_CLIENT_FLAGS_COMMAND_LINE_H_
#define ELDR_CLIENT_FLAGS_COMMAND_LINE_H_

#include <CLI/App.hpp>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace eldr::flags {

// Wrong flags end a program with this status; --help and --version with 0.
inline constexpr int kWrongFlags = 2;

// Reads the command line and then runs `check`, for what only all options together tell: it throws
// CLI::ValidationError, which names the flag and what was expected. False if the program is to end
// with `exit_code`: help was printed, or what is wrong.
bool Parse(CLI::App& app, int argc, const char* const* argv, int* exit_code,
           const std::function<void()>& check = {});

// An option that takes one of the names in `choices`; the help shows them in this order.
template <typename Value>
CLI::Option* AddChoice(CLI::App& app, const std::string& name, Value& value,
                       const std::vector<std::pair<std::string, Value>>& choices,
                       const std::string& help);

// --format table or json.
CLI::Option* AddFormat(CLI::App& app, bool& json);

// ---- Implementation
// ------------------------------------------------------------------------------

// The same without types: calls `take` with the position of the name that was given.
CLI::Option* AddNames(CLI::App& app, const std::string& name, const std::vector<std::string>& names,
                      const std::function<void(std::size_t)>& take, const std::string& help);

template <typename Value>
CLI::Option* AddChoice(CLI::App& app, const std::string& name, Value& value,
                       const std::vector<std::pair<std::string, Value>>& choices,
                       const std::string& help) {
  std::vector<std::string> names;
  std::vector<Value> values;
  for (const auto& [text, choice] : choices) {
    names.push_back(text);
    values.push_back(choice);
  }
  return AddNames(
      app, name, names, [&value, values](std::size_t i) { value = values[i]; }, help);
}

}  // namespace eldr::flags

#endif  // ELDR_CLIENT_FLAGS_COMMAND_LINE_H_
