#include "server/discovery/endpoints_file.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"
#include "server/config/config_field.h"
#include "server/config/config_source.h"
#include "server/config/listen_address.h"
#include "server/config/yaml_documents.h"

namespace eldr {
namespace {

constexpr std::size_t kMaxNameBytes = 120;  // two of them, and a rank, are no longer than an id
constexpr std::size_t kMaxEntryLabels = 256;
constexpr std::size_t kShownBytes = 80;

std::string Quote(const std::string& text) {
  return absl::StrCat("\"", absl::Utf8SafeCEscape(text.substr(0, kShownBytes)),
                      text.size() > kShownBytes ? "..." : "", "\"");
}

// What a message shows of a value.
std::string Shown(const YAML::Node& node) {
  if (node.IsScalar()) return Quote(node.Scalar());
  if (node.IsSequence()) return "a list";
  return node.IsMap() ? "a section" : "nothing";
}

absl::Status Expect(absl::string_view key, absl::string_view got, absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat(key, ": got ", got, ", expected ", expected));
}

bool IsName(const std::string& text) {
  return !text.empty() && text.size() <= kMaxNameBytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' ||
                  c == '_';
         });
}

// Of an entry's key; empty if it is not there.
absl::StatusOr<std::string> NameOf(const YAML::Node& entry, const char* key, bool needed) {
  const YAML::Node value = entry[key];
  if (!value && !needed) return std::string();
  if (value && value.IsScalar() && IsName(value.Scalar())) return value.Scalar();
  return Expect(key, value ? Shown(value) : "nothing",
                absl::StrCat("1 to ", kMaxNameBytes, " letters, digits, '-', '.' and '_'"));
}

absl::Status ReadAddress(const YAML::Node& entry, Host& host) {
  const YAML::Node address = entry["address"], port = entry["port"];
  const std::string text = address && address.IsScalar() ? address.Scalar() : "";
  const bool ipv6 = text.find(':') != std::string::npos;
  const auto parsed =
      ParseListenAddress(absl::StrCat(ipv6 ? "[" : "", text, ipv6 ? "]" : "", ":1"));
  if (!parsed.ok() || parsed->unix_socket || text.size() > 253) {
    return Expect("address", address ? Shown(address) : "nothing", "a host's name or IP address");
  }
  host.host = parsed->host;
  std::uint64_t number = 0;
  if (!port || !port.IsScalar() || !ParseWhole(port.Scalar(), &number) || number == 0 ||
      number > 65535) {
    return Expect("port", port ? Shown(port) : "nothing", "1 to 65535");
  }
  host.ports = {static_cast<std::uint32_t>(number)};
  return absl::OkStatus();
}

absl::Status ReadLabels(const YAML::Node& labels, Host& host) {
  if (!labels || labels.IsNull()) return absl::OkStatus();
  if (!labels.IsMap() || labels.size() > kMaxEntryLabels) {
    return Expect("labels", labels.IsMap() ? absl::StrCat(labels.size()) : Shown(labels),
                  absl::StrCat("keys and values, at most ", kMaxEntryLabels));
  }
  for (const auto& label : labels) {
    if (!label.first.IsScalar() || !label.second.IsScalar() || label.second.Scalar().size() > 256) {
      return Expect("labels", "one that is no text", "keys and values of at most 256 bytes");
    }
    host.labels[label.first.Scalar()] = label.second.Scalar();
  }
  return absl::OkStatus();
}

absl::StatusOr<Host> ReadEntry(const YAML::Node& entry) {
  if (!entry.IsMap()) return Expect("entry", Shown(entry), "name, address and port");
  Host host;
  ELDR_ASSIGN_OR_RETURN(const std::string name, NameOf(entry, "name", true));
  ELDR_ASSIGN_OR_RETURN(const std::string name_space, NameOf(entry, "namespace", false));
  host.name = name_space.empty() ? name : absl::StrCat(name_space, "/", name);
  ELDR_RETURN_IF_ERROR(ReadAddress(entry, host));
  ELDR_RETURN_IF_ERROR(ReadLabels(entry["labels"], host));
  return host;
}

absl::StatusOr<EndpointsFile> Read(const YAML::Node& root, absl::string_view file_name,
                                   const DiscoveryConfig& config) {
  const auto at = [&](const YAML::Node& node) {
    return absl::StrCat(file_name, ":", node.Mark().line + 1, ": ");
  };
  const YAML::Node list = root.IsMap() ? root["endpoints"] : YAML::Node();
  if (!list || !list.IsSequence()) {
    // A file that lost its end looks like this, and must not pass for one without endpoints.
    return absl::InvalidArgumentError(absl::StrCat(at(root), "endpoints: got ",
                                                   root.IsMap() ? Shown(list) : Shown(root),
                                                   ", expected a list; [] for none"));
  }
  EndpointsFile file;
  for (const YAML::Node& entry : list) {
    absl::StatusOr<Host> host = ReadEntry(entry);
    if (host.ok() && file.endpoints.count(host->name) > 0) {
      host = Expect("name", Quote(host->name), "each once in its namespace");
    }
    if (host.ok()) {
      file.endpoints[host->name] = EndpointsOf(*host, config);
    } else if (++file.refused <= EndpointsFile::kMostReasons) {
      file.reasons.push_back(absl::StrCat(at(entry), host.status().message()));
    }
  }
  return file;
}

}  // namespace

absl::StatusOr<EndpointsFile> ParseEndpointsFile(absl::string_view text,
                                                 absl::string_view file_name,
                                                 const DiscoveryConfig& config) {
  if (text.size() > kMaxEndpointsFileBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        file_name, ": got ", text.size(), " bytes, expected at most ", kMaxEndpointsFileBytes));
  }
  ELDR_RETURN_IF_ERROR(CheckConfigText(text, file_name));
  // yaml-cpp reports by exceptions; they end here.
  try {
    const std::string yaml(text);
    ELDR_RETURN_IF_ERROR(CheckOneDocument(yaml, file_name));
    return Read(YAML::Load(yaml), file_name, config);
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(
        file_name, ":", error.mark.line + 1, ": got text that is neither YAML nor JSON (",
        absl::Utf8SafeCEscape(error.msg.substr(0, 200)), "), expected a list of endpoints"));
  }
}

}  // namespace eldr
