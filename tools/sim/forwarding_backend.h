// A backend that passes everything on, for those that change or watch a part.
#ifndef ELDR_TOOLS_SIM_FORWARDING_BACKEND_H_
#define ELDR_TOOLS_SIM_FORWARDING_BACKEND_H_

#include <optional>
#include <string>

#include "tools/replay/placement_backend.h"

namespace eldr::sim {

class ForwardingBackend : public replay::PlacementBackend {
 public:
  // `below` must outlive it.
  explicit ForwardingBackend(replay::PlacementBackend& below) : below_(below) {}

  absl::Status RegisterNode(MonotonicTime now, const NodeSpec& node) override {
    return below_.RegisterNode(now, node);
  }
  absl::Status PushSignature(MonotonicTime now, absl::string_view request_id,
                             const SignatureData& signature) override {
    return below_.PushSignature(now, request_id, signature);
  }
  absl::StatusOr<std::optional<std::string>> Place(MonotonicTime now,
                                                   const replay::PlaceQuery& query) override {
    return below_.Place(now, query);
  }
  absl::Status Heartbeat(MonotonicTime now, const NodeReport& report) override {
    return below_.Heartbeat(now, report);
  }
  absl::Status Release(MonotonicTime now, absl::string_view request_id,
                       std::uint64_t output_tokens) override {
    return below_.Release(now, request_id, output_tokens);
  }
  absl::Status DrainNode(MonotonicTime now, absl::string_view node_id) override {
    return below_.DrainNode(now, node_id);
  }
  absl::Status UndrainNode(MonotonicTime now, absl::string_view node_id) override {
    return below_.UndrainNode(now, node_id);
  }
  absl::Status RemoveNode(MonotonicTime now, absl::string_view node_id) override {
    return below_.RemoveNode(now, node_id);
  }

 protected:
  replay::PlacementBackend& below_;
};

}  // namespace eldr::sim

#endif  // ELDR_TOOLS_SIM_FORWARDING_BACKEND_H_
