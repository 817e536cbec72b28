#include "client/ctl/node_spec_options.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace eldr::ctl {
namespace {

template <typename Value>
CLI::Option* AddField(CLI::App& app, const char* flag, v1::NodeSpec& spec,
                      void (v1::NodeSpec::*set)(Value), const char* help) {
  return app
      .add_option_function<Value>(
          flag, [&spec, set](const Value& value) { (spec.*set)(value); }, help)
      ->type_name(std::is_arithmetic_v<Value> ? "NUMBER" : "TEXT");
}

void AddText(CLI::App& app, const char* flag, std::string* field, const char* help,
             const char* variable, bool required) {
  CLI::Option* const option = app.add_option(flag, *field, help)->type_name("TEXT");
  if (*variable != '\0') option->envname(variable);
  if (required) option->required();
}

}  // namespace

void AddNodeSpecOptions(CLI::App& app, v1::NodeSpec& spec) {
  AddText(app, "--model", spec.mutable_model(), "The model it serves", "ELDR_MODEL", true);
  AddText(app, "--address", spec.mutable_address(), "Where frontends reach it", "ELDR_ADDRESS",
          true);
  AddField(app, "--dp-rank", spec, &v1::NodeSpec::set_dp_rank,
           "Its data-parallel rank at that address");
  AddField(app, "--capacity", spec, &v1::NodeSpec::set_capacity,
           "Most concurrent leases; 0: no limit [0]");
  AddField(app, "--kv-capacity-tokens", spec, &v1::NodeSpec::set_kv_capacity_tokens,
           "Most KV tokens it holds; 0: no limit [0]");
  app.add_option_function<std::vector<std::string>>(
         "--label",
         [&spec](const std::vector<std::string>& labels) {
           for (const std::string& label : labels) {
             const std::size_t equals = label.find('=');
             (*spec.mutable_labels())[label.substr(0, equals)] = label.substr(equals + 1);
           }
         },
         "A label, KEY=VALUE; may be repeated")
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE")
      ->check([](const std::string& label) {
        return label.find('=') != std::string::npos
                   ? std::string()
                   : absl::StrCat("\"", label, "\" is not a label, expected KEY=VALUE");
      });
  AddText(app, "--expert-group", spec.mutable_expert_group(),
          "The group of ranks that share their expert weights [the node itself]", "", false);
  AddField(app, "--tokens-per-step", spec, &v1::NodeSpec::set_tokens_per_step,
           "Tokens a step verifies per sequence (speculative decoding) [1]");
}

}  // namespace eldr::ctl
