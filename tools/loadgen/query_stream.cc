#include "tools/loadgen/query_stream.h"

#include <utility>

namespace eldr::loadgen {

void QueryStream::Send(v1::PlaceRequest query, OnDone on_done) {
  MutexLock lock(mutex_);
  Query& message = unsent_.emplace_back();
  message.set_id(++last_id_);
  *message.mutable_place() = std::move(query);
  pending_.emplace(last_id_, std::move(on_done));
  if (!open_) {
    Open();
  } else if (ready_ && !writing_) {
    WriteNext();
  }
}

void QueryStream::Close(absl::AnyInvocable<void()> on_closed) {
  {
    MutexLock lock(mutex_);
    if (open_) {
      on_closed_ = std::move(on_closed);
      // All is answered, so nothing is lost; and nothing can be left hanging.
      context_->TryCancel();
      return;
    }
  }
  on_closed();
}

void QueryStream::Open() {
  open_ = true;
  writing_ = true;
  ready_ = false;
  ending_ = false;
  context_ = std::make_unique<grpc::ClientContext>();
  calls_.AddToken(*context_);
  rpc_ = stub_.PrepareAsyncStreamPlacements(context_.get(), &calls_.queue());
  rpc_->StartCall(&opened_);
}

void QueryStream::WriteNext() {
  if (unsent_.empty()) return;
  writing_ = true;
  rpc_->Write(unsent_.front(), &written_);
  unsent_.pop_front();
}

void QueryStream::OnOpened(bool ok) {
  MutexLock lock(mutex_);
  writing_ = false;
  if (!ok) {
    ending_ = true;
    rpc_->Finish(&end_, &ended_);
    return;
  }
  ready_ = true;
  rpc_->Read(&reply_, &read_);
  WriteNext();
}

void QueryStream::OnWritten(bool ok) {
  MutexLock lock(mutex_);
  writing_ = false;
  if (!ok) ready_ = false;  // the read tells how it broke
  if (ending_) {
    rpc_->Finish(&end_, &ended_);
  } else if (ready_) {
    WriteNext();
  }
}

void QueryStream::OnRead(bool ok) {
  OnDone on_done;
  Reply reply;
  {
    MutexLock lock(mutex_);
    if (!ok) {
      ready_ = false;
      ending_ = true;
      // Finish comes after the last write, of which OnWritten hears.
      if (!writing_) rpc_->Finish(&end_, &ended_);
      return;
    }
    std::swap(reply, reply_);
    if (const auto found = pending_.find(reply.id()); found != pending_.end()) {
      on_done = std::move(found->second);
      pending_.erase(found);
    }
    rpc_->Read(&reply_, &read_);
  }
  if (!on_done) return;
  if (reply.has_placed()) {
    on_done(absl::OkStatus(), reply.placed());
  } else {
    on_done(client::internal::FromElementError(reply.error()), reply.placed());
  }
}

void QueryStream::OnEnded(bool /*ok*/) {
  Pending lost;
  absl::AnyInvocable<void()> on_closed;
  {
    MutexLock lock(mutex_);
    open_ = false;
    unsent_.clear();
    lost.swap(pending_);
    on_closed = std::move(on_closed_);
  }
  absl::Status status = client::internal::FromGrpcStatus(end_);
  if (status.ok()) status = absl::UnavailableError("the daemon ended the stream");
  for (auto& [id, on_done] : lost) on_done(status, v1::PlaceResponse());
  if (on_closed) on_closed();
}

}  // namespace eldr::loadgen
