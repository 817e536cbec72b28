#include "server/service/placement_watch.h"

#include <deque>
#include <string>
#include <utility>

#include "server/base/status_to_grpc.h"
#include "server/convert/placement_convert.h"
#include "server/rpc/call_gate.h"
#include "server/rpc/stream_admission.h"
#include "server/service/placement_feed.h"

namespace eldr {
namespace {

// What a watcher may lag behind before it misses placements.
constexpr std::size_t kMostQueued = 256;

// As in MessageStream, operations are started without the lock held, since gRPC may call back from
// inside one, and by one thread at a time. All of them are started by Pump(), which knows what was
// started before: gRPC cancels a call also after it is finished, and does not forgive a second end.
class PlacementWatch final : public grpc::ServerWriteReactor<v1::WatchPlacementsResponse>,
                             public OpenStream,
                             public PlacementWatcher {
 public:
  PlacementWatch(ServiceContext& context, const v1::WatchPlacementsRequest& request)
      : context_(context), model_(request.model()), node_id_(request.node_id()) {}

  // `readable`: whether the request could be read.
  void Begin(const grpc::ServerContextBase& rpc, const absl::Status& readable) {
    entered_ = context_.gate.EnterStream(this);
    if (!entered_) return Refuse(ShuttingDown());
    const absl::Status refusal = admission_.Admit(context_, Call::kWatchPlacements, rpc);
    if (!refusal.ok()) return Refuse(refusal);
    context_.metrics.OnCall(Call::kWatchPlacements, readable, absl::ZeroDuration());
    if (!readable.ok()) return Refuse(readable);
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
  void Tell(absl::string_view model, absl::string_view request_id,
            const Explanation& explanation) override {
    {
      MutexLock lock(mutex_);
      --holds_;
      if (queue_.size() >= kMostQueued) {
        ++missed_;
      } else {
        v1::WatchPlacementsResponse& told = queue_.emplace_back();
        told.set_model(std::string(model));
        told.set_request_id(std::string(request_id));
        ToProto(explanation, told.mutable_placement());
        told.mutable_placement()->clear_parameters();
        told.set_missed(std::exchange(missed_, 0));
      }
    }
    Pump();
  }
  void Let() override {
    {
      MutexLock lock(mutex_);
      --holds_;
    }
    Pump();
  }
  // The daemon shuts down.
  void End() override {
    {
      MutexLock lock(mutex_);
      --holds_;
      ending_ = true;
      end_status_ = ShuttingDown();
    }
    Pump();
  }

 private:
  // Ends it before it has begun.
  void Refuse(const absl::Status& refusal) {
    {
      MutexLock lock(mutex_);
      ending_ = true;
      end_status_ = refusal;
    }
    Pump();
  }
  void OnWriteDone(bool ok) override {
    {
      MutexLock lock(mutex_);
      writing_ = false;
      if (!ok) ending_ = true;
    }
    Pump();
  }
  // The client went away, or ended the call.
  void OnCancel() override {
    {
      MutexLock lock(mutex_);
      ending_ = true;
    }
    Pump();
  }
  void OnDone() override {
    if (watching_) context_.feed.Remove(this);
    admission_.Release();
    if (entered_) context_.gate.LeaveStream(this);
    delete this;
  }

  // Starts what is to be done next.
  void Pump() {
    bool finish = false;
    absl::Status status;
    {
      MutexLock lock(mutex_);
      if (writing_ || finished_) return;
      if (ending_) {
        if (holds_ > 0) return;  // whoever holds pumps when it lets go
        finish = finished_ = true;
        status = end_status_;
      } else if (queue_.empty()) {
        return;
      } else {
        writing_ = true;
        current_ = std::move(queue_.front());
        queue_.pop_front();
      }
    }
    if (finish) {
      Finish(ToGrpcStatus(status));
    } else {
      StartWrite(&current_);
    }
  }

  ServiceContext& context_;
  const std::string model_;
  const std::string node_id_;
  StreamAdmission admission_;
  bool entered_ = false;
  bool watching_ = false;

  Mutex mutex_;
  std::deque<v1::WatchPlacementsResponse> queue_ ABSL_GUARDED_BY(mutex_);
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
