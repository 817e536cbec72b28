#include "server/rpc/stream_admission.h"

#include <utility>

#include "server/base/peer.h"

namespace eldr {

absl::Status StreamAdmission::Admit(ServiceContext& context, Call call,
                                    const grpc::ServerContextBase& rpc) {
  peer_ = PeerOf(rpc);
  const Verdict verdict = context.authorizer.Authorize(call, rpc);
  absl::Status status = verdict.status;
  if (status.ok()) {
    absl::StatusOr<CallLimits::Hold> hold = context.limits.EnterStream(peer_);
    status = hold.status();
    if (hold.ok()) hold_ = *std::move(hold);
  }
  context.audit.OnCall(call, verdict, rpc, "", status);
  if (!status.ok()) context.metrics.OnCall(call, status, absl::ZeroDuration());
  return status;
}

}  // namespace eldr
