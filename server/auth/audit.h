// Audit lines: who did what on what, and what became of it.
#ifndef ELDR_SERVER_AUTH_AUDIT_H_
#define ELDR_SERVER_AUTH_AUDIT_H_

#include <grpcpp/server_context.h>

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/base/clock.h"
#include "core/base/mutex.h"
#include "server/auth/authorizer.h"
#include "server/auth/call_roles.h"
#include "server/base/log.h"
#include "server/metrics/metrics.h"

namespace eldr {

// Each administrative act leaves a line, and so does each refused attempt at any call. Refusals are
// written at a bounded rate, or whoever knocks could drown the rest; the next line tells how many
// were left out.
//
// Thread-safe.
class Audit {
 public:
  // Both must outlive this.
  Audit(Log& log, const Clock& clock) : log_(log), clock_(clock) {}

  // `target` is what an administrative call names: a node or a model.
  void OnCall(Call call, const Verdict& verdict, const grpc::ServerContextBase& rpc,
              absl::string_view target, const absl::Status& status) {
    if (verdict.status.ok() && !IsAdministrative(call)) return;
    Record(Name(call), verdict, rpc, target, status);
  }
  // The same for what is not one of our calls, if it was refused.
  void OnRefused(absl::string_view method, const Verdict& verdict,
                 const grpc::ServerContextBase& rpc) {
    Record(method, verdict, rpc, "", verdict.status);
  }

 private:
  static constexpr int kRefusalsPerSecond = 10;

  void Record(absl::string_view method, const Verdict& verdict, const grpc::ServerContextBase& rpc,
              absl::string_view target, const absl::Status& status);
  // Whether there is room for another refusal; if so, how many were left out before it.
  bool TakeRefusal(std::uint64_t* left_out);

  Log& log_;
  const Clock& clock_;
  Mutex mutex_;
  MonotonicTime second_ ABSL_GUARDED_BY(mutex_){};  // when the current one began
  int refusals_ ABSL_GUARDED_BY(mutex_) = 0;        // written in it
  std::uint64_t left_out_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace eldr

#endif  // ELDR_SERVER_AUTH_AUDIT_H_
