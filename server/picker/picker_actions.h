// What a picker stream asks of the daemon.
#ifndef ELDR_SERVER_PICKER_PICKER_ACTIONS_H_
#define ELDR_SERVER_PICKER_PICKER_ACTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "envoy/service/ext_proc/v3/external_processor.pb.h"

namespace eldr::picker {

using envoy::service::ext_proc::v3::ProcessingRequest;
using envoy::service::ext_proc::v3::ProcessingResponse;

// What a request is for, as its profile header says.
enum class Profile : std::uint8_t { kPrefill, kDecode, kWhole };

struct PickQuery {
  Profile profile = Profile::kWhole;
  std::string request_id;  // empty if the request has none
  std::string model;       // empty only without a lease
  // The endpoints that the gateway allows; not set if it names none, so that all are allowed.
  std::optional<std::vector<std::string>> subset;
  // False for a request without a body: any endpoint will do, and nothing is reserved.
  bool lease = true;
};

struct Pick {
  std::string endpoint;  // "ip:port"
  std::string request_id;
  std::uint64_t lease_id = 0;  // 0: nothing is reserved
};

// Why a lease ends.
enum class ReleaseCause : std::uint8_t {
  kFinished,     // the response has ended
  kFailed,       // the endpoint answered 5xx
  kConditional,  // 412: the endpoint would not decode without a prefill, which comes next
  kGone,         // the stream ended, or was broken by a message out of order
  kLate,         // the pick came when nobody waited for it any more
};
absl::string_view Name(ReleaseCause cause);

// Called by one PickerStream; may call it back from StartPick() only.
class PickerActions {
 public:
  virtual ~PickerActions() = default;
  // Sends an answer, after all before it.
  virtual void Send(ProcessingResponse response) = 0;
  // Must lead to exactly one OnPicked(), now or later, whatever happens to the stream.
  virtual void StartPick(const PickQuery& query) = 0;
  // Another endpoint than the picked one serves the request: `pick` is from before.
  virtual void Move(const Pick& pick, const std::string& endpoint) = 0;
  // Ends a lease; called once for each pick that has one.
  virtual void Release(const Pick& pick, ReleaseCause cause) = 0;
  // The whole body of a prefill's response, in which routed experts may stand.
  virtual void Harvest(const PickQuery& query, const std::string& body) = 0;
};

}  // namespace eldr::picker

#endif  // ELDR_SERVER_PICKER_PICKER_ACTIONS_H_
