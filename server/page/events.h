// /events: what is live, for one who watches.
#ifndef ELDR_SERVER_PAGE_EVENTS_H_
#define ELDR_SERVER_PAGE_EVENTS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "server/http/http_message.h"
#include "server/page/api_context.h"

namespace eldr {

// The events of one model; docs/api.md has them. Made on the lane of the pages, as they are.
class ModelEvents final : public HttpEventSource {
 public:
  // `after`: the last sequence that the watcher knows of; none: it knows nothing.
  ModelEvents(ApiContext& context, std::string model, std::optional<std::uint64_t> after);
  std::string Next() override;

 private:
  void AddOverview(std::string& events);
  void AddFleet(std::string& events);
  void AddPlacements(std::string& events);
  void AddHistory(std::string& events);

  ApiContext& context_;
  const std::string model_;
  std::optional<std::uint64_t> after_;
  MonotonicTime next_overview_;
  MonotonicTime next_fleet_;
  absl::Time last_point_;
};

// Checks what is asked for, and answers who makes the events.
absl::StatusOr<std::shared_ptr<HttpEventSource>> WatchModel(ApiContext& context, const Query& query,
                                                            absl::string_view last_event_id);

}  // namespace eldr

#endif  // ELDR_SERVER_PAGE_EVENTS_H_
