#include "server/config/config.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/base/status_macros.h"
#include "core/profile/profile_file.h"
#include "server/config/config_field.h"
#include "server/config/config_reader.h"
#include "server/config/config_source.h"
#include "server/config/consistency.h"

namespace eldr {
namespace {

absl::Status ApplyOverrides(absl::Span<const ConfigOverride> overrides, Config& config,
                            ConfigOrigins& origins) {
  std::vector<ConfigField> fields = FieldsOf(config);
  for (const ConfigOverride& change : overrides) {
    ConfigField* const field = FindField(fields, change.key);
    if (field == nullptr) {
      return absl::InternalError(absl::StrCat(change.flag, ": no key ", change.key));
    }
    // The first value of a flag replaces a list, the others add to it.
    if (field->clear && origins[change.key] != change.flag) field->clear();
    if (!field->set(change.value)) {
      return absl::InvalidArgumentError(absl::StrCat(change.flag, ": ", change.key, ": got \"",
                                                     change.value, "\", expected ",
                                                     field->expected));
    }
    origins[change.key] = change.flag;
  }
  return absl::OkStatus();
}

// Reads the profile that `band` names, if any.
absl::Status LoadProfile(const std::string& key, const ConfigOrigins& origins,
                         LocalityBandSettings& band) {
  if (band.profile_path.empty()) {
    band.profile = nullptr;  // a model may take back what default_policy names
    return absl::OkStatus();
  }
  absl::StatusOr<Profile> profile = ReadProfile(band.profile_path);
  if (!profile.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(OriginOf(key, origins), ": ", key, ": got \"", band.profile_path, "\" (",
                     profile.status().message(), "), expected a profile as eldr-fit writes it"));
  }
  band.profile = std::make_shared<const Profile>(*std::move(profile));
  return absl::OkStatus();
}

absl::Status LoadProfiles(Config& config, const ConfigOrigins& origins) {
  ELDR_RETURN_IF_ERROR(LoadProfile("default_policy.locality_band.profile", origins,
                                   config.default_policy.locality_band));
  for (std::size_t i = 0; i < config.models.size(); ++i) {
    ModelSpec& model = config.models[i];
    const std::string shown = absl::StrCat("models[", i, "]");
    ELDR_RETURN_IF_ERROR(LoadProfile(absl::StrCat(shown, ".locality_band.profile"), origins,
                                     model.settings.locality_band));
    if (const absl::Status status = CheckPolicyServes(model.settings, model.geometry);
        !status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(OriginOf(shown, origins), ": ", shown, ": ", status.message()));
    }
  }
  return absl::OkStatus();
}

// Opens the sections of `path` that `open` is not in, and answers the indentation below them.
std::string OpenSections(const std::vector<std::string>& path, std::vector<std::string>& open,
                         std::string& out, absl::string_view indent) {
  const std::size_t depth = path.size() - 1;
  std::size_t common = 0;
  while (common < depth && common < open.size() && open[common] == path[common]) ++common;
  open.assign(path.begin(), path.end() - 1);
  for (std::size_t level = common; level < depth; ++level) {
    absl::StrAppend(&out, indent, std::string(2 * level, ' '), path[level], ":\n");
  }
  return absl::StrCat(indent, std::string(2 * depth, ' '));
}

void PrintFields(const std::vector<ConfigField>& fields, absl::string_view indent,
                 std::string& out) {
  std::vector<std::string> open;
  for (const ConfigField& field : fields) {
    const std::vector<std::string> path = absl::StrSplit(field.path, '.');
    const std::string margin = OpenSections(path, open, out, indent);
    absl::StrAppend(&out, margin, path.back(), ": ", field.print(), "\n");
  }
}

}  // namespace

bool AuthConfig::enabled() const {
  const auto has_any = [](const std::vector<std::string>& list) { return !list.empty(); };
  return std::any_of(tokens.begin(), tokens.end(), has_any) ||
         std::any_of(certificates.begin(), certificates.end(), has_any);
}

absl::StatusOr<Config> ParseConfig(absl::string_view yaml, absl::string_view file_name,
                                   absl::Span<const ConfigOverride> overrides) {
  Config config;
  ConfigOrigins origins;
  ELDR_RETURN_IF_ERROR(ReadConfigYaml(yaml, file_name, config, origins));
  ELDR_RETURN_IF_ERROR(ApplyOverrides(overrides, config, origins));
  ELDR_RETURN_IF_ERROR(LoadProfiles(config, origins));
  ELDR_RETURN_IF_ERROR(CheckConsistency(config, origins));
  return config;
}

absl::StatusOr<Config> LoadConfig(const std::string& path,
                                  absl::Span<const ConfigOverride> overrides) {
  if (path.empty()) return ParseConfig("", "", overrides);
  ELDR_ASSIGN_OR_RETURN(const std::string text, ReadConfigFile(path));
  return ParseConfig(text, path, overrides);
}

std::string PrintConfig(const Config& config) {
  std::string out;
  Config copy = config;  // fields are bound to a Config that may be changed
  std::vector<ConfigField> fields = FieldsOf(copy);
  if (!copy.auth.enabled()) {
    // A file may not have it without a credential.
    fields.erase(std::remove_if(fields.begin(), fields.end(),
                                [](const ConfigField& field) {
                                  return absl::StartsWith(field.path, "auth.");
                                }),
                 fields.end());
  }
  PrintFields(fields, "", out);
  if (copy.models.empty()) {
    absl::StrAppend(&out, "models: []\n");
    return out;
  }
  absl::StrAppend(&out, "models:\n");
  for (ModelSpec& model : copy.models) {
    std::string element;
    PrintFields(FieldsOf(model), "    ", element);
    element[2] = '-';  // the first key opens the element
    absl::StrAppend(&out, element);
  }
  return out;
}

std::vector<std::string> ConfigKeys() {
  Config config;
  std::vector<std::string> keys;
  for (const ConfigField& field : FieldsOf(config)) keys.push_back(field.path);
  return keys;
}

}  // namespace eldr
