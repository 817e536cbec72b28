#include "server/config/config_reader.h"

#include <yaml-cpp/yaml.h>

#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/base/status_macros.h"
#include "core/model/model_geometry.h"
#include "core/policy/policy_settings.h"
#include "server/config/config_source.h"
#include "server/config/utf8.h"
#include "server/config/yaml_documents.h"

namespace eldr {
namespace {

// As much of a foreign text as a message shows, without control characters: a scalar may be a whole
// file, where a quote is left open.
std::string Clip(const std::string& text) {
  constexpr std::size_t kShownBytes = 80;
  if (!IsUtf8(text)) return absl::CEscape(text.substr(0, kShownBytes));
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

// What a shell, Kubernetes or Helm would have replaced: ${NAME}, $(NAME), $NAME, {{ .Values.name
// }}.
bool IsPlaceholder(absl::string_view text) {
  if (absl::StrContains(text, "${") || absl::StrContains(text, "$(") ||
      absl::StrContains(text, "{{")) {
    return true;
  }
  return text.size() > 1 && text[0] == '$' &&
         (absl::ascii_isalpha(static_cast<unsigned char>(text[1])) || text[1] == '_');
}

class Reader {
 public:
  Reader(absl::string_view file_name, Config& config, ConfigOrigins& origins)
      : file_name_(file_name), config_(config), origins_(origins) {}

  absl::Status Read(const YAML::Node& root) {
    if (root.IsNull()) return absl::OkStatus();  // nothing but comments
    if (!root.IsMap()) return Refuse(root, "(top)", Shown(root), "keys and values");
    ELDR_RETURN_IF_ERROR(CheckPlain(root, root, "(top)"));
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
      if (!key.IsScalar()) {
        return Refuse(key, absl::StrCat(shown, prefix, "(key)"), Shown(key), "a key");
      }
      const std::string name = key.Scalar();
      const std::string path = prefix + name;
      if (!seen.insert(name).second) {
        return Refuse(key, shown + Clip(path), "the key a second time", "it once");
      }
      ELDR_RETURN_IF_ERROR(CheckPlain(key, key, shown + Clip(path)));
      ELDR_RETURN_IF_ERROR(CheckPlain(key, value, shown + Clip(path)));
      if (name == "<<") {
        return Refuse(key, shown + path, "a merge of other keys", "the keys themselves");
      }
      // A dot would make a second way to write each key, which the first does not know of.
      if (absl::StrContains(name, '.')) {
        return Refuse(key, shown + Clip(path), "a key with a dot", "a section with the key in it");
      }
      if (shown.empty() && prefix.empty()) origins_[name] = Where(key);
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

  // Refuses a tag: nothing here goes by it, so it would be ignored.
  absl::Status CheckPlain(const YAML::Node& key, const YAML::Node& node,
                          const std::string& shown) const {
    // What yaml-cpp says of a plain and of a quoted value without a tag.
    const std::string& tag = node.Tag();
    if (tag.empty() || tag == "?" || tag == "!") return absl::OkStatus();
    return Refuse(key, shown, absl::StrCat("the tag \"", Clip(tag), "\""), "a value without a tag");
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
    ELDR_RETURN_IF_ERROR(CheckPlain(key, value, shown));
    // A missing value has no place of its own, and an alias that of what it stands for.
    const bool elsewhere = value.IsNull() || value.Mark().line < key.Mark().line;
    const YAML::Node& place = elsewhere ? key : value;
    // The YAML library writes the escapes \N and \_ as a byte that is no UTF-8.
    if (value.IsScalar() && !IsUtf8(value.Scalar())) {
      return Refuse(place, shown, Shown(value),
                    "text in UTF-8; write \\u0085 for \\N and \\u00a0 for \\_");
    }
    if (value.IsScalar() && IsPlaceholder(value.Scalar())) {
      return Refuse(place, shown, Shown(value),
                    "the value itself: nothing replaces placeholders here, so have them replaced "
                    "before the start");
    }
    if (value.IsScalar() && field.set(value.Scalar())) return absl::OkStatus();
    return Refuse(place, shown, Shown(value), field.expected);
  }

  absl::Status ReadModels(const YAML::Node& models) {
    if (!models.IsSequence()) {
      return absl::InvalidArgumentError(absl::StrCat(origins_["models"], ": models: got ",
                                                     Shown(models), ", expected a list of models"));
    }
    std::set<std::string> names;
    for (const YAML::Node& node : models) {
      const std::string shown = absl::StrCat("models[", config_.models.size(), "]");
      if (config_.models.size() == config_.router.max_models) {
        return Refuse(node, shown, "one more model",
                      absl::StrCat("at most ", config_.router.max_models, " (limits.models)"));
      }
      ModelSpec model{.name = "", .geometry = {}, .settings = config_.default_policy};
      ELDR_RETURN_IF_ERROR(ReadModel(node, shown, model));
      if (!names.insert(model.name).second) {
        return Refuse(node, shown + ".name",
                      absl::StrCat("\"", Clip(model.name), "\" a second time"),
                      "a name for each model");
      }
      config_.models.push_back(std::move(model));
    }
    return absl::OkStatus();
  }

  absl::Status ReadModel(const YAML::Node& node, const std::string& shown, ModelSpec& model) {
    if (!node.IsMap()) {
      return Refuse(node, shown, Shown(node), "a model with name, layers, experts and top_k");
    }
    ELDR_RETURN_IF_ERROR(CheckPlain(node, node, shown));
    std::vector<ConfigField> fields = FieldsOf(model);
    ELDR_RETURN_IF_ERROR(ReadSection(node, "", shown + ".", fields));
    for (const char* const required : {"name", "layers", "experts", "top_k"}) {
      if (!node[required]) {
        return Refuse(node, absl::StrCat(shown, ".", required), "nothing",
                      FindField(fields, required)->expected);
      }
    }
    origins_[shown] = Where(node);
    absl::Status status = ValidateGeometry(model.geometry);
    if (status.ok()) status = ValidatePolicySettings(model.settings);
    if (status.ok()) return status;
    return absl::InvalidArgumentError(
        absl::StrCat(Where(node), ": ", shown, ": ", status.message()));
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
  ELDR_RETURN_IF_ERROR(CheckConfigText(yaml, file_name));
  // yaml-cpp reports by exceptions; they end here.
  try {
    const std::string text(yaml);
    ELDR_RETURN_IF_ERROR(CheckOneDocument(text, file_name));
    return Reader(file_name, config, origins).Read(YAML::Load(text));
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
