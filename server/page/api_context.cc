#include "server/page/api_context.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/near_names.h"
#include "core/base/status_macros.h"

namespace eldr {
namespace {

// More of them than pages and models in use are of models that nobody asks for any more.
constexpr std::size_t kMostSharedAnswers = 64;

}  // namespace

absl::StatusOr<std::string> SharedAnswers::Get(
    const std::string& name, const std::function<absl::StatusOr<std::string>()>& make) {
  const MonotonicTime now = clock_.Monotonic();
  const auto found = answers_.find(name);
  if (found != answers_.end() && now - found->second.made < kMaxAge) return found->second.text;
  ELDR_ASSIGN_OR_RETURN(std::string text, make());
  std::erase_if(answers_, [&](const auto& entry) {
    return answers_.size() >= kMostSharedAnswers || now - entry.second.made > absl::Minutes(1);
  });
  answers_[name] = {now, text};
  return text;
}

absl::StatusOr<std::string> ModelOf(const ApiContext& context, const Query& query) {
  const std::string asked(query.Text("model"));
  if (!asked.empty() && context.router().CheckNamed(asked, "").ok()) return asked;
  std::vector<std::string> declared;
  for (const ModelDescription& model : context.router().ListModels()) {
    declared.push_back(model.spec.name);
  }
  if (asked.empty() && declared.size() == 1) return declared.front();
  if (asked.empty() && !declared.empty()) {
    return RefuseField(absl::StatusCode::kInvalidArgument, "model", "",
                       "the name of a declared model, as there are several");
  }
  return RefuseField(absl::StatusCode::kNotFound, "model", asked,
                     absl::StrCat("a declared model", DescribeNearNames(asked, declared)));
}

absl::StatusOr<Residency> ResidencyOf(const ApiContext& context, const Query& query,
                                      absl::string_view field) {
  ELDR_ASSIGN_OR_RETURN(const std::string node, query.Required(field, "the id of a node"));
  absl::StatusOr<Residency> residency = context.router().GetResidency(node);
  if (residency.ok() || !absl::IsNotFound(residency.status())) return residency;
  std::vector<std::string> registered;
  const auto nodes = context.router().ListNodes("");
  if (nodes.ok()) {
    for (const NodeStatus& status : *nodes) registered.push_back(status.spec.node_id);
  }
  return RefuseField(absl::StatusCode::kNotFound, field, node,
                     absl::StrCat("a registered node", DescribeNearNames(node, registered)));
}

}  // namespace eldr
