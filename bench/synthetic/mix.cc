#include "bench/synthetic/mix.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "bench/synthetic/routing_model.h"
#include "core/base/status_macros.h"

namespace eldr::synthetic {
namespace {

constexpr double kMaxShare = 1e6;

absl::StatusOr<double> Number(absl::string_view text, absl::string_view field, double most) {
  double value = 0;
  if (absl::SimpleAtod(text, &value) && value >= 0 && value <= most) return value;
  return absl::InvalidArgumentError(
      absl::StrCat(field, " \"", text, "\": expected a number from 0 to ", most));
}

absl::StatusOr<DomainOfMix> Parse(const std::vector<absl::string_view>& parts) {
  if (parts.size() < 2 || parts.size() > 4 || parts[0].empty()) {
    return absl::InvalidArgumentError("expected NAME:SHARE[:REQUEST_SPREAD[:PHASE_SPREAD]]");
  }
  DomainOfMix domain{.name = std::string(parts[0])};
  ELDR_ASSIGN_OR_RETURN(domain.share, Number(parts[1], "share", kMaxShare));
  if (domain.share == 0) return absl::InvalidArgumentError("share 0: expected more");
  if (parts.size() > 2) {
    ELDR_ASSIGN_OR_RETURN(domain.request_spread, Number(parts[2], "request spread", kMaxSpread));
  }
  if (parts.size() > 3) {
    ELDR_ASSIGN_OR_RETURN(domain.phase_spread, Number(parts[3], "phase spread", kMaxSpread));
  }
  return domain;
}

}  // namespace

absl::StatusOr<DomainOfMix> ParseDomainOfMix(absl::string_view text) {
  absl::StatusOr<DomainOfMix> domain = Parse(absl::StrSplit(text, ':'));
  if (domain.ok()) return domain;
  return absl::InvalidArgumentError(
      absl::StrCat("domain \"", text, "\": ", domain.status().message()));
}

absl::StatusOr<std::vector<DomainShape>> ShapesOf(const Marginals& marginals,
                                                  const std::vector<DomainOfMix>& mix,
                                                  const DomainShape& others) {
  const std::vector<std::string>& known = marginals.domains;
  if (mix.empty()) return std::vector<DomainShape>(known.size(), others);
  std::vector<DomainShape> shapes(known.size(), {0, others.request_spread, others.phase_spread});
  for (const DomainOfMix& domain : mix) {
    const auto found = std::find(known.begin(), known.end(), domain.name);
    if (found == known.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("domain \"", domain.name,
                       "\": expected one of the tables': ", absl::StrJoin(known, ", ")));
    }
    DomainShape& shape = shapes[static_cast<std::size_t>(found - known.begin())];
    if (shape.share > 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("domain \"", domain.name, "\": expected each once"));
    }
    shape = {domain.share, domain.request_spread.value_or(others.request_spread),
             domain.phase_spread.value_or(others.phase_spread)};
  }
  return shapes;
}

std::vector<std::size_t> TakeTurns(const std::vector<DomainShape>& shapes, std::size_t requests) {
  double total = 0;
  for (const DomainShape& shape : shapes) total += shape.share;
  std::vector<double> owed(shapes.size());
  std::vector<std::size_t> turns;
  turns.reserve(requests);
  for (std::size_t request = 0; request < requests; ++request) {
    for (std::size_t i = 0; i < shapes.size(); ++i) owed[i] += shapes[i].share;
    // The first of those that are owed most. Equal shares: one after the other.
    const auto next = std::max_element(owed.begin(), owed.end());
    *next -= total;
    turns.push_back(static_cast<std::size_t>(next - owed.begin()));
  }
  return turns;
}

}  // namespace eldr::synthetic
