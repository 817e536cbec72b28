#include "server/auth/audit.h"

#include <string>
#include <utility>

#include "server/base/peer.h"
#include "server/base/status_to_grpc.h"

namespace eldr {
namespace {

// Of a name that nobody has checked yet.
constexpr std::size_t kMaxTargetBytes = 256;

}  // namespace

void Audit::Record(absl::string_view method, const Verdict& verdict,
                   const grpc::ServerContextBase& rpc, absl::string_view target,
                   const absl::Status& status) {
  std::uint64_t left_out = 0;
  const bool refused = !verdict.status.ok();
  if (refused && !TakeRefusal(&left_out)) return;
  const std::string roles = verdict.roles.ToString("and");
  const std::string peer = PeerOf(rpc);
  const absl::string_view shown = target.substr(0, kMaxTargetBytes);
  if (!refused) {
    log_.Info("audit", {{"who", verdict.who},
                        {"role", roles},
                        {"peer", peer},
                        {"call", method},
                        {"target", shown},
                        {"outcome", OutcomeName(status.code())}});
    return;
  }
  log_.Warning("audit", {{"who", verdict.who},
                         {"role", roles},
                         {"peer", peer},
                         {"call", method},
                         {"target", shown},
                         {"outcome", OutcomeName(status.code())},
                         {"refusals_left_out", left_out}});
}

bool Audit::TakeRefusal(std::uint64_t* left_out) {
  const MonotonicTime now = clock_.Monotonic();
  MutexLock lock(mutex_);
  if (now - second_ >= absl::Seconds(1)) {
    second_ = now;
    refusals_ = 0;
  }
  if (refusals_ == kRefusalsPerSecond) {
    ++left_out_;
    return false;
  }
  ++refusals_;
  *left_out = std::exchange(left_out_, 0);
  return true;
}

}  // namespace eldr
