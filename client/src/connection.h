// What a client, its streams and its lease keepers share: the channel and all that hangs on it.
#ifndef ELDR_CLIENT_SRC_CONNECTION_H_
#define ELDR_CLIENT_SRC_CONNECTION_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "client/src/channel_reader.h"
#include "client/src/grpc_status.h"
#include "client/src/lease_renewals.h"
#include "client/src/renewal_thread.h"
#include "client/src/retry.h"
#include "client/src/token_source.h"
#include "eldr/client/options.h"
#include "eldr/v1/fleet.grpc.pb.h"
#include "eldr/v1/history.grpc.pb.h"
#include "eldr/v1/models.grpc.pb.h"
#include "eldr/v1/placement.grpc.pb.h"

namespace eldr::client::internal {

// Thread-safe.
class Connection {
 public:
  // INVALID_ARGUMENT if an option is out of its range or a file of TLS cannot be read,
  // UNAUTHENTICATED if the token file cannot. Does not connect.
  static absl::StatusOr<std::shared_ptr<Connection>> Create(Options options);

  // Calls one method of one of the stubs below, with the options' retries and timeout.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(
      Stub& stub, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
      const Request& request, const CallOptions& options, Repeat repeat = Repeat::kSafe) {
    Response response;
    const absl::Status status = Retry(options, repeat, [&](grpc::ClientContext& context) {
      return (stub.*method)(&context, request, &response);
    });
    if (!status.ok()) return status;
    return response;
  }

  // Runs `attempt` with a context whose deadline is set, under the retry rules.
  absl::Status Retry(const CallOptions& options, Repeat repeat,
                     absl::FunctionRef<grpc::Status(grpc::ClientContext&)> attempt);

  // Readies the context of a stream, which is opened once: its deadline, if it has one, and who
  // asks.
  void PrepareStream(const CallOptions& options, grpc::ClientContext& context);

  // How an attempt ended. One that did not reach the daemon starts the search for it anew, and its
  // message names the proxy if there is one.
  absl::Status Judge(const grpc::Status& status);

  v1::ModelService::StubInterface& models() { return *models_; }
  v1::FleetService::StubInterface& fleet() { return *fleet_; }
  v1::HistoryService::StubInterface& history() { return *history_; }
  v1::PlacementService::StubInterface& placement() { return *placement_; }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

  absl::Duration Now() const { return environment_.now(); }
  // How long a call with these options may take in all.
  absl::Duration TimeoutOf(const CallOptions& options) const {
    return options.timeout == absl::ZeroDuration() ? options_.timeout : options.timeout;
  }
  LeaseRenewals& renewals() { return renewals_; }
  RenewalThread& renewal_thread() { return renewal_thread_; }

 private:
  Connection(Options options, std::shared_ptr<grpc::Channel> channel);
  void SearchDaemon();

  const Options options_;
  const RetryEnvironment environment_;
  const std::shared_ptr<grpc::Channel> channel_;
  TokenSource token_;
  const std::unique_ptr<v1::ModelService::StubInterface> models_;
  const std::unique_ptr<v1::FleetService::StubInterface> fleet_;
  const std::unique_ptr<v1::HistoryService::StubInterface> history_;
  const std::unique_ptr<v1::PlacementService::StubInterface> placement_;
  LeaseRenewals renewals_;
  absl::Mutex mutex_;
  absl::Duration next_search_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
  std::unique_ptr<ChannelReader> reader_ ABSL_GUARDED_BY(mutex_);  // from the first stream on
  // Last, so that it ends first: it makes calls through all of the above.
  RenewalThread renewal_thread_;
};

// Sets the deadline of `context`; an infinite time sets none.
void SetTimeout(grpc::ClientContext& context, absl::Duration timeout);

}  // namespace eldr::client::internal

#endif  // ELDR_CLIENT_SRC_CONNECTION_H_
