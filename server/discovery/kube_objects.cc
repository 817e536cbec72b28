#include "server/discovery/kube_objects.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "core/base/status_macros.h"
#include "server/discovery/json_walk.h"

namespace eldr {
namespace {

// More labels than this are passed over; those that are asked for are few.
constexpr std::size_t kMaxLabels = 256;
constexpr std::size_t kMaxMessageBytes = 1024;
constexpr std::size_t kMaxTokenBytes = 16 << 10;
constexpr std::size_t kMaxPorts = 8;
constexpr std::uint32_t kMaxPort = 65535;

void Keep(absl::string_view text, std::string& place) {
  place.assign(text.data(), std::min(text.size(), kMaxMessageBytes));
}

// Reads the pod at a path.
class PodReader {
 public:
  void OnBegin(absl::string_view path) {
    if (path.empty()) pod = Pod();
    if (path == "status.conditions[]") condition_ = is_true_ = false;
  }
  void OnEnd(absl::string_view path) {
    if (path == "status.conditions[]") End();
  }
  void OnValue(absl::string_view path, absl::string_view key, absl::string_view text) {
    if (path == "metadata") {
      if (key == "name") Keep(text, pod.name);
      if (key == "uid") Keep(text, pod.uid);
      if (key == "resourceVersion") Keep(text, pod.resource_version);
      if (key == "deletionTimestamp") pod.ending = true;
    } else if (path == "metadata.labels" && pod.labels.size() < kMaxLabels) {
      Keep(text, pod.labels[std::string(key.substr(0, kMaxMessageBytes))]);
    } else if (path == "status") {
      if (key == "podIP") Keep(text, pod.ip);
      if (key == "phase") Keep(text, pod.phase);
    } else if (path == "status.conditions[]") {
      if (key == "type") condition_ = text == "Ready";
      if (key == "status") is_true_ = text == "True";
    }
  }

  Pod pod;

 private:
  // Of one condition: the path of a list is that of its elements too.
  void End() {
    if (condition_) pod.ready = is_true_;
    condition_ = is_true_ = false;
  }

  bool condition_ = false, is_true_ = false;
};

class PageReader final : public JsonVisitor {
 public:
  explicit PageReader(std::size_t most) : most_(most) {}

  void OnBegin(absl::string_view path) override {
    saw_items = saw_items || path == "items[]";
    if (absl::ConsumePrefix(&path, kItems)) pod_.OnBegin(Below(path));
  }
  void OnEnd(absl::string_view path) override {
    if (!absl::ConsumePrefix(&path, kItems)) return;
    pod_.OnEnd(Below(path));
    if (!path.empty() || pod_.pod.name.empty()) return;
    if (page.pods.size() == most_) {
      too_many = true;
    } else {
      page.pods.push_back(std::move(pod_.pod));
    }
    pod_.pod = Pod();
  }
  void OnValue(absl::string_view path, absl::string_view key, absl::string_view text) override {
    if (path == "metadata") {
      if (key == "resourceVersion") Keep(text, page.resource_version);
      if (key == "continue" && text.size() <= kMaxTokenBytes) {
        page.next.assign(text.data(), text.size());
      }
    }
    if (absl::ConsumePrefix(&path, kItems)) pod_.OnValue(Below(path), key, text);
  }

  PodPage page;
  bool too_many = false;
  bool saw_items = false;

 private:
  static constexpr absl::string_view kItems = "items[]";
  static absl::string_view Below(absl::string_view path) {
    absl::ConsumePrefix(&path, ".");
    return path;
  }

  const std::size_t most_;
  PodReader pod_;
};

class EventReader final : public JsonVisitor {
 public:
  void OnBegin(absl::string_view path) override {
    if (InObject(path)) pod_.OnBegin(path);
  }
  void OnEnd(absl::string_view path) override {
    if (InObject(path)) pod_.OnEnd(path);
  }
  void OnValue(absl::string_view path, absl::string_view key, absl::string_view text) override {
    if (path.empty() && key == "type") Keep(text, event.type);
    if (!InObject(path)) return;
    pod_.OnValue(path, key, text);
    if (path.empty() && key == "message") Keep(text, event.message);
    if (path.empty() && key == "code" && !absl::SimpleAtoi(text, &event.code)) event.code = 0;
  }
  PodEvent Take() && {
    event.pod = std::move(pod_.pod);
    return std::move(event);
  }

  PodEvent event;

 private:
  // Takes the object's own path off.
  static bool InObject(absl::string_view& path) {
    if (!absl::ConsumePrefix(&path, "object")) return false;
    return path.empty() || absl::ConsumePrefix(&path, ".");
  }

  PodReader pod_;
};

class PoolReader final : public JsonVisitor {
 public:
  void OnBegin(absl::string_view) override {}
  void OnEnd(absl::string_view) override {}
  void OnValue(absl::string_view path, absl::string_view key, absl::string_view text) override {
    if (path == "spec.selector.matchLabels" && labels.size() < kMaxLabels) {
      labels.push_back(absl::StrCat(key, "=", text));
    } else if (path == "spec.targetPorts[]" && key == "number" && ports.size() <= kMaxPorts) {
      std::uint32_t port = 0;
      ports.push_back(absl::SimpleAtoi(text, &port) ? port : 0);
    }
  }

  std::vector<std::string> labels;
  std::vector<std::uint32_t> ports;
};

class MessageReader final : public JsonVisitor {
 public:
  void OnBegin(absl::string_view) override {}
  void OnEnd(absl::string_view) override {}
  void OnValue(absl::string_view path, absl::string_view key, absl::string_view text) override {
    if (path.empty() && key == "message") Keep(text, message);
  }
  std::string message;
};

absl::Status Expected(absl::string_view what, const absl::Status& why = absl::OkStatus()) {
  return absl::InvalidArgumentError(
      absl::StrCat(why.ok() ? "" : why.message(), why.ok() ? "" : ", ", "expected ", what));
}

}  // namespace

absl::StatusOr<PodPage> ParsePodPage(absl::string_view body, std::size_t most) {
  PageReader reader(most);
  if (const absl::Status status = WalkJson(body, reader); !status.ok()) {
    return Expected("a list of pods", status);
  }
  if (reader.too_many) {
    return absl::ResourceExhaustedError(
        absl::StrCat("got more pods than are left of ", most, ", expected fewer"));
  }
  // A list that is empty has its items too, and what could be watched from.
  if (!reader.saw_items || reader.page.resource_version.empty()) {
    return Expected("items and metadata.resourceVersion of a list of pods");
  }
  return std::move(reader.page);
}

absl::StatusOr<PodEvent> ParsePodEvent(absl::string_view line) {
  EventReader reader;
  if (const absl::Status status = WalkJson(line, reader); !status.ok()) {
    return Expected("an event of a watch", status);
  }
  PodEvent event = std::move(reader).Take();
  const bool has_pod = event.type == "ADDED" || event.type == "MODIFIED" || event.type == "DELETED";
  if (event.type.empty() || (has_pod && event.pod.name.empty()) ||
      ((has_pod || event.type == "BOOKMARK") && event.pod.resource_version.empty())) {
    return Expected("an event with its type and its object's name and resourceVersion");
  }
  return event;
}

absl::StatusOr<InferencePool> ParseInferencePool(absl::string_view body) {
  PoolReader reader;
  if (const absl::Status status = WalkJson(body, reader); !status.ok()) {
    return Expected("an InferencePool", status);
  }
  if (reader.labels.empty()) return Expected("spec.selector.matchLabels with a label");
  const bool good_ports = std::all_of(reader.ports.begin(), reader.ports.end(),
                                      [](auto port) { return port > 0 && port <= kMaxPort; });
  if (reader.ports.empty() || reader.ports.size() > kMaxPorts || !good_ports) {
    return Expected(absl::StrCat("spec.targetPorts with 1 to ", kMaxPorts, " numbers of ports"));
  }
  return InferencePool{.selector = absl::StrJoin(reader.labels, ","),
                       .ports = std::move(reader.ports)};
}

std::string KubeMessage(absl::string_view body) {
  MessageReader reader;
  if (!WalkJson(body, reader).ok()) return "";
  return absl::Utf8SafeCEscape(reader.message);
}

bool IsKubeName(absl::string_view text) {
  return !text.empty() && text.size() <= 253 && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.';
  });
}

}  // namespace eldr
