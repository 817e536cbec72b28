#include "server/page/health.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_format.h"

namespace eldr {
namespace {

// What is said of a subject of which nothing else is to be said.
struct AllWell {
  const char* subject;
  const char* what;
};
constexpr AllWell kAllWell[] = {
    {"ready", "The daemon takes calls."},
    {"nodes", "Every node of every model is heard and takes placements."},
    {"panic", "No fleet is in panic mode."},
    {"placements", "No placement was refused in the last 5 minutes."},
    {"signatures", "Placements of the last 5 minutes had their signatures."},
    {"limits", "No limit is near, and none has refused a call in the last 5 minutes."},
    {"state", "Every change reaches the state file."},
    {"certificates", "Every certificate is good for more than 14 days."},
    {"sinks", "What is recorded keeps up."},
    {"access", "The ports are protected, or serve this machine alone."},
};

}  // namespace

void LookAtLimit(std::string model, const std::string& what, const std::string& limit,
                 std::uint64_t used, std::uint64_t most, std::vector<HealthSentence>& sentences) {
  if (most == 0 || used < most - most / 5) return;
  const bool reached = used >= most;
  sentences.push_back({reached ? Severity::kCritical : Severity::kWarning, "limits",
                       std::move(model), absl::StrFormat("%s: %d of at most %d.", what, used, most),
                       absl::StrFormat("Raise %s, or find out who needs so many.%s", limit,
                                       reached ? " More are refused." : "")});
}

std::vector<HealthSentence> LookAtHealth(const ApiContext& context,
                                         const std::vector<ModelDescription>& models) {
  std::vector<HealthSentence> sentences;
  LookAtDaemon(context, models, sentences);
  for (const ModelDescription& model : models) LookAtModel(context, model, sentences);
  for (const AllWell& well : kAllWell) {
    const bool said = std::any_of(
        sentences.begin(), sentences.end(),
        [&](const HealthSentence& sentence) { return sentence.subject == well.subject; });
    if (!said) sentences.push_back({Severity::kOk, well.subject, "", well.what, ""});
  }
  std::stable_sort(
      sentences.begin(), sentences.end(),
      [](const HealthSentence& a, const HealthSentence& b) { return a.severity > b.severity; });
  return sentences;
}

}  // namespace eldr
