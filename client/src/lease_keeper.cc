#include "eldr/client/lease_keeper.h"

#include <utility>

#include "client/src/connection.h"

namespace eldr::client {
namespace {

// A keeper may be the last to hold its connection, whose end waits for what it still sends. So its
// thread lets go of it.
void LetGo(std::shared_ptr<internal::Connection> connection) {
  internal::RenewalThread& thread = connection->renewal_thread();
  thread.LetGo(std::move(connection));
}

}  // namespace

LeaseKeeper::LeaseKeeper(std::shared_ptr<internal::Connection> connection, v1::LeaseKey key,
                         absl::Duration ttl)
    : connection_(std::move(connection)), key_(std::move(key)) {
  ticket_ = connection_->renewals().Add(key_, ttl, connection_->Now());
  connection_->renewal_thread().Wake();
}

LeaseKeeper::LeaseKeeper(LeaseKeeper&& other) noexcept = default;

LeaseKeeper& LeaseKeeper::operator=(LeaseKeeper&& other) noexcept {
  if (this == &other) return *this;
  ReleaseLater();
  connection_ = std::move(other.connection_);
  key_ = std::move(other.key_);
  ticket_ = other.ticket_;
  return *this;
}

LeaseKeeper::~LeaseKeeper() { ReleaseLater(); }

void LeaseKeeper::ReleaseLater() {
  if (connection_ == nullptr) return;
  connection_->renewals().ReleaseLater(ticket_);
  LetGo(std::move(connection_));
}

absl::Status LeaseKeeper::status() const {
  if (connection_ == nullptr) return absl::NotFoundError("the lease is not kept any more");
  return connection_->renewals().StatusOf(ticket_);
}

absl::StatusOr<v1::ReleaseLeaseResponse> LeaseKeeper::Release(const ReleaseOptions& options) {
  if (connection_ == nullptr) {
    return absl::FailedPreconditionError("the lease was released or detached before");
  }
  std::shared_ptr<internal::Connection> connection = std::move(connection_);
  connection->renewals().Remove(ticket_);
  v1::ReleaseLeaseRequest request;
  *request.mutable_lease() = key_;
  if (options.output_tokens) request.set_output_tokens(*options.output_tokens);
  if (options.decode_counts) *request.mutable_decode_counts() = *options.decode_counts;
  auto response =
      connection->Call(connection->placement(), &v1::PlacementService::StubInterface::ReleaseLease,
                       request, CallOptions());
  LetGo(std::move(connection));
  return response;
}

void LeaseKeeper::Detach() {
  if (connection_ == nullptr) return;
  connection_->renewals().Remove(ticket_);
  LetGo(std::move(connection_));
}

}  // namespace eldr::client
