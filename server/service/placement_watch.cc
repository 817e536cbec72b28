#include "server/service/placement_watch.h"

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "server/base/status_to_grpc.h"
#include "server/rpc/in_flight_calls.h"
#include "server/rpc/stream_admission.h"
#include "server/service/placement_feed.h"

namespace eldr {
namespace {

// What a watcher may lag behind before it misses placements.
constexpr std::size_t kMostQueued = 256;

// As in MessageStream, operations are started without the lock held, since gRPC may call back from
// inside one. All of them are started by Change(), which knows what was started before: gRPC
// cancels a call also after it is finished, and does not forgive a second end.
class PlacementWatch final : public grpc::ServerWriteReactor<v1::WatchPlacementsResponse>,
                             public OpenStream,
                             public PlacementWatcher {
 public:
  PlacementWatch(ServiceContext& context, const v1::WatchPlacementsRequest& request)
      : context_(context), model_(request.model()), node_id_(request.node_id()) {}

  // `readable`: whether the request could be read.
  void Begin(const grpc::ServerContextBase& rpc, const absl::Status& readable) {
    entered_ = context_.calls.EnterStream(this);
    if (!entered_) return Refuse(ShuttingDown());
    const absl::Status refusal = admission_.Admit(context_, Call::kWatchPlacements, rpc);
    if (!refusal.ok()) return Refuse(refusal);
    const absl::Status watchable =
        readable.ok() ? context_.router.CheckNamed(model_, node_id_) : readable;
    context_.metrics.OnCall(Call::kWatchPlacements, watchable, absl::ZeroDuration());
    if (!watchable.ok()) return Refuse(watchable);
    watching_ = true;
    StartSendInitialMetadata();
    context_.feed.Add(this);
  }

  bool Wants(absl::string_view model, absl::string_view node_id) const override {
    return (model_.empty() || model_ == model) && (node_id_.empty() || node_id_ == node_id);
  }

  bool Hold() override {
    MutexLock lock(mutex_);
    if (finished_) return false;
    ++holds_;
    return true;
  }
  void Tell(const std::shared_ptr<const v1::WatchPlacementsResponse>& told) override {
    Change([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      --holds_;
      if (queue_.size() >= kMostQueued) {
        ++missed_;
        context_.metrics.OnWatchMissed();
        return;
      }
      queue_.push_back({told, std::exchange(missed_, 0)});
    });
  }
  void Let() override {
    Change([this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { --holds_; });
  }
  // The daemon shuts down.
  void End() override {
    Change([this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      --holds_;
      ending_ = true;
      end_status_ = ShuttingDown();
    });
  }

 private:
  enum class Operation { kNone, kWrite, kFinish };
  struct Queued {
    std::shared_ptr<const v1::WatchPlacementsResponse> told;
    std::uint64_t missed_before = 0;
  };

  // Ends it before it has begun.
  void Refuse(const absl::Status& refusal) {
    Change([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      ending_ = true;
      end_status_ = refusal;
    });
  }
  void OnWriteDone(bool ok) override {
    Change([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
      writing_ = false;
      if (!ok) ending_ = true;
    });
  }
  // The client went away, or ended the call.
  void OnCancel() override {
    Change([this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { ending_ = true; });
  }
  void OnDone() override {
    if (watching_) context_.feed.Remove(this);
    admission_.Release();
    if (entered_) context_.calls.LeaveStream(this);
    delete this;
  }

  // Applies a change of state (under the lock, which the analysis cannot know inside a lambda) and
  // starts what it allows. What that is must be known before the lock is let go: whoever gives up a
  // hold and has nothing to start may not touch the watch again, another thread may have ended it.
  template <typename StateChange>
  void Change(StateChange&& change) {
    Operation next = Operation::kNone;
    absl::Status status;
    {
      MutexLock lock(mutex_);
      change();
      next = NextOperation();
      if (next == Operation::kFinish) status = end_status_;
    }
    if (next == Operation::kWrite) StartWrite(&current_);
    if (next == Operation::kFinish) Finish(ToGrpcStatus(status));
  }

  // The caller must start it.
  Operation NextOperation() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (writing_ || finished_) return Operation::kNone;
    if (ending_) {
      if (holds_ > 0) return Operation::kNone;  // the last to let go of it finishes it
      finished_ = true;
      return Operation::kFinish;
    }
    if (queue_.empty()) return Operation::kNone;
    writing_ = true;
    current_ = *queue_.front().told;
    current_.set_missed(queue_.front().missed_before);
    queue_.pop_front();
    return Operation::kWrite;
  }

  ServiceContext& context_;
  const std::string model_;
  const std::string node_id_;
  StreamAdmission admission_;
  bool entered_ = false;
  bool watching_ = false;

  Mutex mutex_;
  std::deque<Queued> queue_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t missed_ ABSL_GUARDED_BY(mutex_) = 0;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  int holds_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status end_status_ ABSL_GUARDED_BY(mutex_) =
      absl::CancelledError("the caller ended the watch");
  // Being written; touched only by who set writing_.
  v1::WatchPlacementsResponse current_;
};

}  // namespace

grpc::ServerWriteReactor<v1::WatchPlacementsResponse>* NewPlacementWatch(
    ServiceContext& context, const grpc::ServerContextBase& rpc,
    const Received<v1::WatchPlacementsRequest>& request) {
  auto* const watch = new PlacementWatch(context, request.message());
  watch->Begin(rpc, request.status());
  return watch;
}

}  // namespace eldr
