// A stream of queries, asynchronous.
#ifndef ELDR_TOOLS_LOADGEN_QUERY_STREAM_H_
#define ELDR_TOOLS_LOADGEN_QUERY_STREAM_H_

#include <grpcpp/support/async_stream.h>

#include <cstdint>
#include <deque>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "core/base/mutex.h"
#include "eldr/v1/placement.grpc.pb.h"
#include "tools/loadgen/async_calls.h"

namespace eldr::loadgen {

// Sends queries one after the other and answers each when its reply comes, in any order. Opens at
// the first query, and anew at the next query after it broke; queries that are not answered by then
// fail with what broke it. Thread-safe.
class QueryStream {
 public:
  using OnDone = AsyncCalls::OnDone<v1::PlaceResponse>;

  // Both outlive it.
  QueryStream(AsyncCalls& calls, v1::PlacementService::Stub& stub) : calls_(calls), stub_(stub) {}
  // REQUIRES: Close() was called and has been waited for.
  ~QueryStream() = default;
  QueryStream(const QueryStream&) = delete;
  QueryStream& operator=(const QueryStream&) = delete;

  // `on_done` runs on the completion thread, once.
  void Send(v1::PlaceRequest query, OnDone on_done);
  // Ends the stream; `on_closed` runs on the completion thread, or here if it is not open. No
  // Send() after that.
  void Close(absl::AnyInvocable<void()> on_closed);

 private:
  using Query = v1::StreamPlacementsRequest;
  using Reply = v1::StreamPlacementsResponse;
  using Pending = absl::flat_hash_map<std::uint64_t, OnDone>;

  // A tag: which member hears of it.
  struct Step final : Operation {
    Step(QueryStream* to, void (QueryStream::*does)(bool)) : stream(to), then(does) {}
    void Done(bool ok) override { (stream->*then)(ok); }
    QueryStream* const stream;
    void (QueryStream::*const then)(bool);
  };

  void Open() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnOpened(bool ok);
  void OnWritten(bool ok);
  void OnRead(bool ok);
  void OnEnded(bool ok);

  AsyncCalls& calls_;
  v1::PlacementService::Stub& stub_;
  Step opened_{this, &QueryStream::OnOpened};
  Step written_{this, &QueryStream::OnWritten};
  Step read_{this, &QueryStream::OnRead};
  Step ended_{this, &QueryStream::OnEnded};
  // Of the completion thread.
  Reply reply_;
  grpc::Status end_;

  Mutex mutex_;
  std::unique_ptr<grpc::ClientContext> context_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<grpc::ClientAsyncReaderWriter<Query, Reply>> rpc_ ABSL_GUARDED_BY(mutex_);
  bool open_ ABSL_GUARDED_BY(mutex_) = false;     // from Open() until it has ended
  bool ready_ ABSL_GUARDED_BY(mutex_) = false;    // writes are taken
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;  // a write, or the opening, is under way
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;   // no reply comes any more
  std::uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<Query> unsent_ ABSL_GUARDED_BY(mutex_);
  Pending pending_ ABSL_GUARDED_BY(mutex_);
  absl::AnyInvocable<void()> on_closed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace eldr::loadgen

#endif  // ELDR_TOOLS_LOADGEN_QUERY_STREAM_H_
