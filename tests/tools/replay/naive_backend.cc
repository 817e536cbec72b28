#include "tests/tools/replay/naive_backend.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace eldr::replay {

absl::Status NaiveBackend::Advance(MonotonicTime now) {
  if (now < now_) {
    return absl::FailedPreconditionError(absl::StrCat(
        "time went back from ", absl::FormatDuration(now_), " to ", absl::FormatDuration(now)));
  }
  now_ = now;
  return absl::OkStatus();
}

absl::Status NaiveBackend::RegisterNode(MonotonicTime now, const NodeSpec& node) {
  ELDR_RETURN_IF_ERROR(Advance(now));
  nodes_.push_back({node.node_id, {}});
  return absl::OkStatus();
}

absl::Status NaiveBackend::PushSignature(MonotonicTime now, absl::string_view request_id,
                                         const SignatureData& signature) {
  ELDR_RETURN_IF_ERROR(Advance(now));
  const auto* dense = std::get_if<SignatureData::Dense>(&signature.counts);
  if (dense == nullptr || dense->width != CountWidth::k8) {
    return absl::InvalidArgumentError("expected dense counts of one byte");
  }
  std::vector<double> frequencies;
  for (const char count : dense->bytes) {
    frequencies.push_back(static_cast<double>(static_cast<unsigned char>(count)) /
                          signature.tokens);
  }
  if (!pushed_.emplace(request_id, Estimate(frequencies, signature.tokens)).second) {
    return absl::AlreadyExistsError(absl::StrCat(request_id, " was pushed twice"));
  }
  return absl::OkStatus();
}

std::vector<double> NaiveBackend::Estimate(const std::vector<double>& frequencies, double tokens) {
  const EstimateParameters& estimate = settings_.estimate;
  const double n = tokens * estimate.n0 / (tokens + estimate.n0);
  std::vector<double> activation(frequencies.size());
  ++learned_;
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    activation[i] = std::min(
        estimate.p_max, (n * frequencies[i] + estimate.kappa * prior_[i]) / (n + estimate.kappa));
    prior_[i] +=
        (frequencies[i] - prior_[i]) / std::min(static_cast<double>(learned_) + 16, 1000.0);
  }
  return activation;
}

double NaiveBackend::ExpectedExperts(const Node& node, const std::vector<double>* newcomer) const {
  double experts = 0;
  for (std::size_t cell = 0; cell < geometry_.cells(); ++cell) {
    double untouched = newcomer == nullptr ? 1 : 1 - (*newcomer)[cell];
    for (const auto& [id, activation] : node.requests) untouched *= 1 - activation[cell];
    experts += 1 - untouched;
  }
  return experts;
}

double NaiveBackend::Cost(const Node& node, const std::vector<double>& activation) const {
  const auto batch = static_cast<double>(node.requests.size());
  if (policy_ == NaivePolicy::kLeastLoaded) return batch;
  const StepTimeShape& time = settings_.step_time;
  const auto step = [&](double experts, double requests) {
    return absl::ToDoubleSeconds(time.base + time.per_request * requests) +
           absl::ToDoubleSeconds(time.all_experts) * experts /
               static_cast<double>(geometry_.cells());
  };
  const double before = step(ExpectedExperts(node, nullptr), batch);
  const double after = step(ExpectedExperts(node, &activation), batch + 1);
  return after + settings_.w * batch * (after - before);
}

absl::StatusOr<std::optional<std::string>> NaiveBackend::Place(MonotonicTime now,
                                                               const PlaceQuery& query) {
  ELDR_RETURN_IF_ERROR(Advance(now));
  const std::string id(query.request_id);
  const auto pushed = pushed_.find(id);
  if (pushed == pushed_.end()) return absl::NotFoundError(absl::StrCat(id, " was not pushed"));

  std::vector<std::size_t> best;
  double least = 0;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    // Round robin takes the first with room, from where it stands.
    const std::size_t index = (next_ + i) % nodes_.size();
    if (capacity_ != 0 && nodes_[index].requests.size() >= capacity_) continue;
    const double cost = policy_ == NaivePolicy::kRoundRobin ? static_cast<double>(i)
                                                            : Cost(nodes_[index], pushed->second);
    if (best.empty() || cost < least) {
      best = {index};
      least = cost;
    } else if (cost == least) {
      best.push_back(index);
    }
  }
  if (best.empty()) return std::nullopt;
  const std::size_t chosen = best[ties_.Below(best.size())];
  if (policy_ == NaivePolicy::kRoundRobin) next_ = chosen + 1;
  if (!live_.emplace(id, chosen).second) {
    return absl::AlreadyExistsError(absl::StrCat(id, " was placed twice"));
  }
  nodes_[chosen].requests[id] = std::move(pushed->second);
  pushed_.erase(pushed);
  ++placed_;
  return nodes_[chosen].id;
}

absl::Status NaiveBackend::Heartbeat(MonotonicTime now, const NodeReport& report) {
  ELDR_RETURN_IF_ERROR(Advance(now));
  ++heartbeats_;
  for (const StepStats& stats : report.steps) {
    reported_steps_ += stats.steps;
    reported_batch_sum_ += stats.mean_batch * static_cast<double>(stats.steps);
  }
  if (report.running + report.queued != report.running_request_ids.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(report.node_id, " names ", report.running_request_ids.size(),
                     " requests but counts ", report.running, " and ", report.queued));
  }
  for (const std::string* id : report.running_request_ids) {
    const auto live = live_.find(*id);
    if (live == live_.end() || nodes_[live->second].id != report.node_id) {
      return absl::InvalidArgumentError(absl::StrCat(*id, " was not placed on ", report.node_id));
    }
  }
  for (const std::string* id : report.finished_request_ids) {
    if (!released_.contains(*id)) {
      return absl::InvalidArgumentError(absl::StrCat(*id, " was not released"));
    }
  }
  return absl::OkStatus();
}

absl::Status NaiveBackend::Release(MonotonicTime now, absl::string_view request_id,
                                   std::uint64_t output_tokens) {
  ELDR_RETURN_IF_ERROR(Advance(now));
  const std::string id(request_id);
  const auto live = live_.find(id);
  if (live == live_.end()) return absl::NotFoundError(absl::StrCat(id, " is not placed"));
  nodes_[live->second].requests.erase(id);
  live_.erase(live);
  released_[id] = {output_tokens, now};
  return absl::OkStatus();
}

}  // namespace eldr::replay
