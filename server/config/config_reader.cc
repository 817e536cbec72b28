#include "server/config/config_reader.h"

#include <yaml-cpp/yaml.h>

#include <optional>
#include <set>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/status_macros.h"
#include "core/model/model_geometry.h"
#include "core/policy/policy_settings.h"

namespace eldr {
namespace {

// As much of a foreign text as a message shows, without control characters: a scalar may be a whole
// file, where a quote is left open.
std::string Clip(const std::string& text) {
  constexpr std::size_t kShownBytes = 80;
  if (text.size() <= kShownBytes) return absl::Utf8SafeCEscape(text);
  std::size_t end = kShownBytes;
  // Not within a character of several bytes.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return absl::StrCat(absl::Utf8SafeCEscape(text.substr(0, end)), "...");
}

// What a message shows of a value.
std::string Shown(const YAML::Node& node) {
  if (node.IsScalar()) return absl::StrCat("\"", Clip(node.Scalar()), "\"");
  if (node.IsSequence()) return node.size() == 0 ? "[]" : "a list";
  return node.IsMap() ? "a section" : "nothing";
}

class Reader {
 public:
  Reader(absl::string_view file_name, Config& config, ConfigOrigins& origins)
      : file_name_(file_name), config_(config), origins_(origins) {}

  absl::Status Read(const YAML::Node& root) {
    if (root.IsNull()) return absl::OkStatus();  // an empty file
    if (!root.IsMap()) return Refuse(root, "(top)", Shown(root), "keys and values");
    std::vector<ConfigField> fields = FieldsOf(config_);
    ELDR_RETURN_IF_ERROR(ReadSection(root, "", "", fields));
    // Last, because models start from default_policy, wherever the file has it.
    return models_.has_value() ? ReadModels(*models_) : absl::OkStatus();
  }

 private:
  std::string Where(const YAML::Node& node) const {
    return absl::StrCat(file_name_, ":", node.Mark().line + 1);
  }
  absl::Status Refuse(const YAML::Node& node, absl::string_view key, absl::string_view got,
                      absl::string_view expected) const {
    return absl::InvalidArgumentError(
        absl::StrCat(Where(node), ": ", key, ": got ", got, ", expected ", expected));
  }

  // Reads a map whose keys stand in `fields` under `prefix`; messages name them after `shown`, e.g.
  // "models[0].".
  absl::Status ReadSection(const YAML::Node& section, const std::string& prefix,
                           const std::string& shown, std::vector<ConfigField>& fields) {
    std::set<std::string> seen;
    for (const auto& entry : section) {
      const YAML::Node& key = entry.first;
      const YAML::Node& value = entry.second;
      if (!key.IsScalar()) return Refuse(key, shown, Shown(key), "a key");
      const std::string name = key.Scalar();
      const std::string path = prefix + name;
      if (!seen.insert(name).second) {
        return Refuse(key, shown + path, "the key a second time", "it once");
      }
      if (ConfigField* const field = FindField(fields, path); field != nullptr) {
        ELDR_RETURN_IF_ERROR(ReadValue(key, value, shown + path, *field));
      } else if (IsSection(path, fields)) {
        if (!value.IsMap()) {
          return Refuse(key, shown + path, Shown(value),
                        absl::StrCat("a section with ", KeysOf(path + ".", fields)));
        }
        ELDR_RETURN_IF_ERROR(ReadSection(value, path + ".", shown, fields));
      } else if (shown.empty() && path == "models") {
        models_ = value;
      } else {
        return Refuse(key, shown + Clip(path), "an unknown key",
                      absl::StrCat("one of ", KeysOf(prefix, fields),
                                   shown.empty() && prefix.empty() ? ", models" : ""));
      }
    }
    return absl::OkStatus();
  }

  absl::Status ReadValue(const YAML::Node& key, const YAML::Node& value, const std::string& shown,
                         ConfigField& field) {
    if (field.clear && value.IsSequence()) {
      field.clear();
      for (const YAML::Node& element : value) {
        ELDR_RETURN_IF_ERROR(ReadScalar(key, element, shown, field));
      }
    } else {
      if (field.clear) field.clear();
      ELDR_RETURN_IF_ERROR(ReadScalar(key, value, shown, field));
    }
    origins_[shown] = Where(key);
    return absl::OkStatus();
  }

  absl::Status ReadScalar(const YAML::Node& key, const YAML::Node& value, const std::string& shown,
                          ConfigField& field) {
    if (value.IsScalar() && field.set(value.Scalar())) return absl::OkStatus();
    // A missing value has no place of its own.
    return Refuse(value.IsNull() ? key : value, shown, Shown(value), field.expected);
  }

  absl::Status ReadModels(const YAML::Node& models) {
    if (!models.IsSequence()) return Refuse(models, "models", Shown(models), "a list of models");
    std::set<std::string> names;
    for (const YAML::Node& node : models) {
      const std::string shown = absl::StrCat("models[", config_.models.size(), "]");
      if (!node.IsMap()) {
        return Refuse(node, shown, Shown(node), "a model with name, layers, experts and top_k");
      }
      ModelSpec model{.name = "", .geometry = {}, .settings = config_.default_policy};
      std::vector<ConfigField> fields = FieldsOf(model);
      ELDR_RETURN_IF_ERROR(ReadSection(node, "", shown + ".", fields));
      for (const char* const required : {"name", "layers", "experts", "top_k"}) {
        if (!node[required]) {
          return Refuse(node, absl::StrCat(shown, ".", required), "nothing",
                        FindField(fields, required)->expected);
        }
      }
      absl::Status status = ValidateGeometry(model.geometry);
      if (status.ok()) status = ValidatePolicySettings(model.settings);
      if (!status.ok()) {
        return absl::InvalidArgumentError(
            absl::StrCat(Where(node), ": ", shown, ": ", status.message()));
      }
      if (!names.insert(model.name).second) {
        return Refuse(node, shown + ".name", absl::StrCat("\"", model.name, "\" a second time"),
                      "a name for each model");
      }
      config_.models.push_back(std::move(model));
    }
    return absl::OkStatus();
  }

  static bool IsSection(const std::string& path, const std::vector<ConfigField>& fields) {
    for (const ConfigField& field : fields) {
      if (absl::StartsWith(field.path, path + ".")) return true;
    }
    return false;
  }

  // The keys and sections right below `prefix`.
  static std::string KeysOf(const std::string& prefix, const std::vector<ConfigField>& fields) {
    std::vector<std::string> keys;
    for (const ConfigField& field : fields) {
      if (!absl::StartsWith(field.path, prefix)) continue;
      std::string key = field.path.substr(prefix.size());
      key = key.substr(0, key.find('.'));
      if (keys.empty() || keys.back() != key) keys.push_back(std::move(key));
    }
    return absl::StrJoin(keys, ", ");
  }

  const absl::string_view file_name_;
  Config& config_;
  ConfigOrigins& origins_;
  std::optional<YAML::Node> models_;
};

}  // namespace

absl::Status ReadConfigYaml(absl::string_view yaml, absl::string_view file_name, Config& config,
                            ConfigOrigins& origins) {
  // yaml-cpp reports by exceptions; they end here.
  try {
    return Reader(file_name, config, origins).Read(YAML::Load(std::string(yaml)));
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(file_name, ":", error.mark.line + 1,
                                                   ": got text that is not YAML (", Clip(error.msg),
                                                   "), expected keys and values"));
  }
}

ConfigField* FindField(std::vector<ConfigField>& fields, absl::string_view path) {
  for (ConfigField& field : fields) {
    if (field.path == path) return &field;
  }
  return nullptr;
}

}  // namespace eldr
