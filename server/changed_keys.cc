#include "server/changed_keys.h"

#include <cstddef>

#include "server/config/config_field.h"

namespace eldr {
namespace {

std::string ModelsOf(const Config& config) {
  const std::string text = PrintConfig(config);
  return text.substr(text.rfind("\nmodels:"));
}

}  // namespace

std::vector<std::string> ChangedKeys(const Config& before, const Config& after) {
  // Fields are bound to a Config that may be changed.
  Config a = before, b = after;
  const std::vector<ConfigField> fields_a = FieldsOf(a), fields_b = FieldsOf(b);
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < fields_a.size(); ++i) {
    if (fields_a[i].print() != fields_b[i].print()) keys.push_back(fields_a[i].path);
  }
  if (ModelsOf(before) != ModelsOf(after)) keys.emplace_back("models");
  return keys;
}

}  // namespace eldr
