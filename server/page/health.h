// What is well and what is not, in sentences that say what to do.
#ifndef ELDR_SERVER_PAGE_HEALTH_H_
#define ELDR_SERVER_PAGE_HEALTH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "server/page/api_context.h"

namespace eldr {

// In rising order.
enum class Severity : std::uint8_t { kOk, kNote, kWarning, kCritical };

struct HealthSentence {
  Severity severity = Severity::kOk;
  std::string subject;  // of a closed set; docs/api.md
  std::string model;    // empty: of the daemon
  std::string what;
  std::string what_to_do;  // empty if all is well
};

// The worst first; each subject has a sentence at least.
std::vector<HealthSentence> LookAtHealth(const ApiContext& context,
                                         const std::vector<ModelDescription>& models);

// Parts of it: what is to be said of the daemon, and of one model, if anything.
void LookAtDaemon(const ApiContext& context, const std::vector<ModelDescription>& models,
                  std::vector<HealthSentence>& sentences);
void LookAtModel(const ApiContext& context, const ModelDescription& model,
                 std::vector<HealthSentence>& sentences);

// A warning from 80 % on: "LIMIT holds USED of MOST". `limit` is the key to raise.
void LookAtLimit(std::string model, const std::string& what, const std::string& limit,
                 std::uint64_t used, std::uint64_t most, std::vector<HealthSentence>& sentences);

}  // namespace eldr

#endif  // ELDR_SERVER_PAGE_HEALTH_H_
