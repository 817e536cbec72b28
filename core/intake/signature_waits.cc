#include "core/intake/signature_waits.h"

#include <algorithm>
#include <utility>

namespace eldr {

std::uint64_t SignatureWaits::Add(absl::string_view request_id, Callback callback) {
  const std::uint64_t id = ++last_id_;
  by_request_[request_id].push_back({id, std::move(callback)});
  request_of_[id] = std::string(request_id);
  return id;
}

bool SignatureWaits::Cancel(std::uint64_t id) {
  const auto request = request_of_.find(id);
  if (request == request_of_.end()) return false;
  const auto waits = by_request_.find(request->second);
  waits->second.erase(std::find_if(waits->second.begin(), waits->second.end(),
                                   [id](const Wait& wait) { return wait.id == id; }));
  if (waits->second.empty()) by_request_.erase(waits);
  request_of_.erase(request);
  return true;
}

std::vector<SignatureWaits::Callback> SignatureWaits::Take(absl::string_view request_id) {
  std::vector<Callback> callbacks;
  const auto waits = by_request_.find(request_id);
  if (waits == by_request_.end()) return callbacks;
  for (Wait& wait : waits->second) {
    request_of_.erase(wait.id);
    callbacks.push_back(std::move(wait.callback));
  }
  by_request_.erase(waits);
  return callbacks;
}

}  // namespace eldr
