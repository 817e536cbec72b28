#include "tools/loadgen/traffic.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"

namespace eldr::loadgen {
namespace {

constexpr absl::Duration kLate = absl::Milliseconds(1);
// A closed loop whose calls fail at once would spin.
constexpr absl::Duration kPauseAfterFailure = absl::Milliseconds(10);
constexpr absl::Duration kPollInterval = absl::Milliseconds(1);
// On top of the deadline of the last call.
constexpr absl::Duration kAnswerGrace = absl::Seconds(5);

}  // namespace

Traffic::Traffic(const LoadOptions& options, const RequestSource& source, AsyncCalls& calls,
                 const Clock& clock)
    : options_(options), source_(source), calls_(calls), clock_(clock), timers_(clock) {
  for (const std::shared_ptr<grpc::Channel>& channel : calls.channels()) {
    stubs_.push_back(v1::PlacementService::NewStub(channel));
  }
  for (std::uint32_t i = 0; i < options.streams; ++i) {
    streams_.push_back(std::make_unique<QueryStream>(calls, StubOf(i)));
  }
  if (options.rate.has_value()) {
    schedule_.emplace(options.arrivals, *options.rate, options.seed);
  }
}

Traffic::~Traffic() = default;

TrafficResult Traffic::Run(absl::FunctionRef<bool(const TrafficProgress&)> keep_on) {
  start_ = clock_.Monotonic();
  measure_from_ = start_ + options_.warmup;
  measure_until_ = measure_from_ + options_.duration;
  if (open_loop()) {
    Arrive();
  } else {
    for (std::uint32_t i = 0; i < options_.concurrency; ++i) Next();
  }
  timers_.RunUntil(measure_until_, [&] {
    const MonotonicTime now = clock_.Monotonic();
    return keep_on({.elapsed = now - start_,
                    .warming_up = now < measure_from_,
                    .calls = answered_,
                    .placed = placed_,
                    .failed = failed_,
                    .under_way = under_way_});
  });
  const MonotonicTime stopped = clock_.Monotonic();
  stopping_ = true;
  WaitUntilAnswered();
  CloseStreams();
  MutexLock lock(mutex_);
  result_.measured = std::clamp(stopped - measure_from_, absl::ZeroDuration(), options_.duration);
  result_.not_sent = static_cast<std::uint64_t>(std::count_if(
      overdue_.begin(), overdue_.end(), [this](MonotonicTime time) { return Measured(time); }));
  return std::move(result_);
}

std::vector<std::string> Traffic::TakeHeld() {
  MutexLock lock(mutex_);
  std::vector<std::string> ids;
  for (const Placed& placed : held_) ids.push_back(source_.Id(placed.number));
  held_.clear();
  return ids;
}

bool Traffic::Measured(MonotonicTime intended) const {
  return intended >= measure_from_ && intended < measure_until_;
}

void Traffic::Next() {
  if (stopping_) return;
  Begin(numbers_++, clock_.Monotonic());
}

void Traffic::Arrive() {
  const MonotonicTime intended = start_ + schedule_->Next();
  if (intended >= measure_until_) return;
  timers_.At(intended, [this, intended] {
    Arrive();
    {
      MutexLock lock(mutex_);
      if (outstanding_ >= options_.max_outstanding) {
        overdue_.push_back(intended);  // its turn comes when another request is done
        return;
      }
      ++outstanding_;
    }
    SendArrival(intended);
  });
}

void Traffic::SendArrival(MonotonicTime intended) {
  if (Measured(intended)) {
    const absl::Duration late = clock_.Monotonic() - intended;
    MutexLock lock(mutex_);
    if (late > kLate) ++result_.late_sends;
    result_.latest_send = std::max(result_.latest_send, late);
  }
  Begin(numbers_++, intended);
}

void Traffic::Begin(std::uint64_t number, MonotonicTime intended) {
  if (source_.signatures() != SignatureWay::kPushed) {
    Place(number, intended);
    return;
  }
  v1::PushSignatureRequest request;
  source_.FillPush(number, request);
  ++under_way_;
  calls_.Start<v1::PlacementService::Stub, v1::PushSignatureRequest, v1::PushSignatureResponse>(
      StubOf(number), &v1::PlacementService::Stub::PrepareAsyncPushSignature, request,
      [this, number, intended](const absl::Status& status, const v1::PushSignatureResponse&) {
        Count(&TrafficResult::push, status, intended);
        if (status.ok()) {
          Place(number, clock_.Monotonic());
        } else {
          OnRequestDone(status);
        }
        --under_way_;
      });
}

void Traffic::Place(std::uint64_t number, MonotonicTime intended) {
  v1::PlaceRequest request;
  source_.FillQuery(number, request);
  ++under_way_;
  auto on_placed = [this, number, intended](const absl::Status& status,
                                            const v1::PlaceResponse& response) {
    Count(&TrafficResult::place, status, intended);
    OnPlaced(number, status, response);
    --under_way_;
  };
  if (!streams_.empty()) {
    streams_[number % streams_.size()]->Send(std::move(request), std::move(on_placed));
    return;
  }
  calls_.Start<v1::PlacementService::Stub, v1::PlaceRequest, v1::PlaceResponse>(
      StubOf(number), &v1::PlacementService::Stub::PrepareAsyncPlace, request,
      std::move(on_placed));
}

void Traffic::OnPlaced(std::uint64_t number, const absl::Status& status,
                       const v1::PlaceResponse& response) {
  if (!status.ok()) {
    OnRequestDone(status);
    return;
  }
  ++placed_;
  bool release = false;
  {
    MutexLock lock(mutex_);
    held_.push_back({number, response.lease_id()});
    release = !options_.hold.has_value() && held_.size() > options_.live;
  }
  if (release) {
    ReleaseOldest(/*then=*/[this] { OnRequestDone(absl::OkStatus()); });
    return;
  }
  if (options_.hold.has_value()) {
    timers_.At(clock_.Monotonic() + *options_.hold, [this] { ReleaseOldest(/*then=*/[] {}); });
  }
  OnRequestDone(absl::OkStatus());
}

void Traffic::ReleaseOldest(absl::AnyInvocable<void()> then) {
  Placed oldest;
  {
    MutexLock lock(mutex_);
    oldest = held_.front();
    held_.pop_front();
  }
  v1::ReleaseLeaseRequest request;
  request.mutable_lease()->set_model(options_.model);
  request.mutable_lease()->set_request_id(source_.Id(oldest.number));
  request.mutable_lease()->set_lease_id(oldest.lease_id);
  const MonotonicTime intended = clock_.Monotonic();
  ++under_way_;
  calls_.Start<v1::PlacementService::Stub, v1::ReleaseLeaseRequest, v1::ReleaseLeaseResponse>(
      StubOf(oldest.number), &v1::PlacementService::Stub::PrepareAsyncReleaseLease, request,
      [this, intended, oldest, then = std::move(then)](
          const absl::Status& status, const v1::ReleaseLeaseResponse& response) mutable {
        Count(&TrafficResult::release, status, intended);
        {
          MutexLock lock(mutex_);
          if (!status.ok()) {
            held_.push_front(oldest);  // the end of the run tries it again
          } else if (response.outcome() != v1::LEASE_OUTCOME_DONE) {
            ++result_.not_held;
          }
        }
        then();
        --under_way_;
      });
}

void Traffic::OnRequestDone(const absl::Status& status) {
  if (!open_loop()) {
    if (status.ok()) {
      Next();
    } else {
      timers_.At(clock_.Monotonic() + kPauseAfterFailure, [this] { Next(); });
    }
    return;
  }
  MonotonicTime intended;
  {
    MutexLock lock(mutex_);
    if (overdue_.empty() || stopping_) {
      --outstanding_;
      return;
    }
    intended = overdue_.front();
    overdue_.pop_front();
  }
  SendArrival(intended);
}

void Traffic::Count(CallRecord TrafficResult::*record, const absl::Status& status,
                    MonotonicTime intended) {
  ++answered_;
  if (!status.ok()) ++failed_;
  if (!Measured(intended)) return;
  const absl::Duration latency = clock_.Monotonic() - intended;
  MutexLock lock(mutex_);
  (result_.*record).Add(status, latency);
}

void Traffic::WaitUntilAnswered() {
  const MonotonicTime deadline = clock_.Monotonic() + options_.connection.timeout + kAnswerGrace;
  while (under_way_ > 0 && clock_.Monotonic() < deadline) absl::SleepFor(kPollInterval);
}

void Traffic::CloseStreams() {
  // Queries on streams have no deadline: what is not answered by now is when its stream ends.
  std::atomic<std::size_t> open{streams_.size()};
  for (const std::unique_ptr<QueryStream>& stream : streams_) stream->Close([&open] { --open; });
  while (open > 0 || under_way_ > 0) absl::SleepFor(kPollInterval);
}

}  // namespace eldr::loadgen
