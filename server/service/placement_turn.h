// When a placement is decided.
#ifndef ELDR_SERVER_SERVICE_PLACEMENT_TURN_H_
#define ELDR_SERVER_SERVICE_PLACEMENT_TURN_H_

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/rpc/service_context.h"

namespace eldr {

// The model whose queue a query stands in. Those that name no declared model share one, or each
// invented name would have a queue.
inline absl::string_view QueueOf(const ServiceContext& context, absl::string_view model) {
  return context.metrics.FindModel(model) == nullptr ? absl::string_view() : model;
}

// Calls `decide(status)` once: with OK now, on this thread, or when the model's turn comes; or with
// the refusal of a queue that is too slow. Whatever `decide` belongs to may be gone when this
// returns.
template <typename Decide>
void PlaceInTurn(ServiceContext& context, absl::string_view model, Decide decide) {
  const absl::string_view queue = QueueOf(context, model);
  if (const AdmissionQueue::Turn turn = context.placements.TryEnter(queue)) {
    decide(absl::OkStatus());
    return;
  }
  const auto later = std::make_shared<Decide>(std::move(decide));
  const absl::Status queued =
      context.placements.Queue(queue, [later] { (*later)(absl::OkStatus()); });
  if (!queued.ok()) (*later)(queued);
}

}  // namespace eldr

#endif  // ELDR_SERVER_SERVICE_PLACEMENT_TURN_H_
