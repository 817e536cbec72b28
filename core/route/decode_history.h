// What requests truly activated in decode, beside what was predicted of them.
#ifndef ELDR_CORE_ROUTE_DECODE_HISTORY_H_
#define ELDR_CORE_ROUTE_DECODE_HISTORY_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "core/signature/expert_signature.h"

namespace eldr {

struct DecodeObservation {
  std::vector<std::uint8_t> predicted;  // the lease's contribution, a code per cell
  SignatureQuality quality;             // of the signature it was predicted from
  ExpertSignature decoded;              // counts over the request's decode tokens
  std::optional<std::uint64_t> output_tokens;
};

// The newest observations of a model. Not thread-safe.
class DecodeHistory {
 public:
  static constexpr std::size_t kKept = 256;

  void Add(DecodeObservation observation) {
    if (kept_.size() == kKept) kept_.pop_front();
    kept_.push_back(std::move(observation));
    ++total_;
  }
  const std::deque<DecodeObservation>& kept() const { return kept_; }
  std::uint64_t total() const { return total_; }

 private:
  std::uint64_t total_ = 0;
  std::deque<DecodeObservation> kept_;
};

}  // namespace eldr

#endif  // ELDR_CORE_ROUTE_DECODE_HISTORY_H_
