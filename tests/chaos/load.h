// Frontends that place, ask again, hold and release, and keep books on what they are answered.
#ifndef ELDR_TESTS_CHAOS_LOAD_H_
#define ELDR_TESTS_CHAOS_LOAD_H_

#include <grpcpp/channel.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "eldr/v1/placement.grpc.pb.h"

namespace eldr {

// Runs from its construction until Stop().
class Load {
 public:
  using NewChannel = std::function<std::shared_ptr<grpc::Channel>()>;
  struct Options {
    std::string name = "load";  // starts its requests' ids
    int clients = 3;
    absl::Duration hold = absl::Milliseconds(5);
    // A call that the daemon does not answer, since it is away, is made again for so long. Zero:
    // every call must be answered.
    absl::Duration patience = absl::ZeroDuration();
    // A connection for each request.
    bool reconnect = false;
  };
  Load(NewChannel new_channel, Options options);
  ~Load();  // stops

  // Requests that were placed so far.
  std::uint64_t placed() const { return placed_.load(); }
  // Waits for so many more; false if they do not come within half a minute.
  bool PlacesMore(std::uint64_t requests) const;
  // Ends what is held and the threads.
  void Stop();

  // Calls that failed, by their status; after Stop().
  const std::vector<std::string>& failures() const { return failures_; }
  // Requests that were asked for again, and those of them that were answered otherwise then.
  std::uint64_t asked_again() const { return asked_again_.load(); }
  const std::vector<std::string>& placed_twice() const { return placed_twice_; }
  // How often a node was answered, over all requests.
  std::uint64_t placed_on(const std::string& node_id) const;

 private:
  void Run(int client);
  // Places, and asks again now and then; false if it failed.
  bool Serve(v1::PlacementService::Stub& stub, const std::string& request_id, bool again);
  absl::StatusOr<v1::PlaceResponse> Place(v1::PlacementService::Stub& stub,
                                          const std::string& request_id);
  void Release(v1::PlacementService::Stub& stub, const std::string& request_id);
  // Makes the call until it is answered or patience is at its end.
  absl::Status Call(const std::function<grpc::Status(grpc::ClientContext&)>& call) const;
  void Fail(const std::string& what);

  const NewChannel new_channel_;
  const Options options_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> placed_{0};
  std::atomic<std::uint64_t> asked_again_{0};
  mutable std::mutex mutex_;
  // Guarded by mutex_ while the threads run:
  std::vector<std::string> failures_;
  std::vector<std::string> placed_twice_;
  std::vector<std::string> nodes_;  // of each placement
  std::vector<std::thread> threads_;
};

}  // namespace eldr

#endif  // ELDR_TESTS_CHAOS_LOAD_H_
