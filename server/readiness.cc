#include "server/readiness.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace eldr {

Readiness::Readiness(std::vector<Address> addresses, Log& log) : log_(log) {
  for (Address& address : addresses) books_.push_back({std::move(address)});
}

void Readiness::Step() {
  std::string reason;
  bool hopeless = false;
  for (Book& book : books_) {
    Call(book);
    hopeless = hopeless || (book.answered && book.deaf >= kHopelessAfter);
    if (book.failures == 0 || (book.answered && book.failures < kNotReadyAfter)) continue;
    reason = absl::StrCat(book.address.name, " does not answer");
  }
  {
    MutexLock lock(mutex_);
    reason_ = reason;
  }
  ready_.store(reason.empty());
  if (hopeless) hopeless_.store(true);
}

void Readiness::Call(Book& book) {
  const absl::Status status = book.address.call();
  if (!status.ok()) {
    OnFailure(book, status);
    return;
  }
  if (book.failures >= kNotReadyAfter) {
    log_.Info("self_call_answered", {{"address", book.address.name}});
  }
  book.failures = 0;
  book.deaf = 0;
  book.answered = true;
}

void Readiness::OnFailure(Book& book, const absl::Status& status) {
  const bool deaf = absl::IsNotFound(status) || absl::IsDeadlineExceeded(status);
  book.deaf = deaf ? book.deaf + 1 : 0;
  if (++book.failures == kNotReadyAfter) {
    log_.Error("self_call_failed",
               {{"address", book.address.name}, {"message", status.ToString()}});
  }
  if (absl::IsNotFound(status)) book.address.reopen();
}

std::string Readiness::reason() const {
  MutexLock lock(mutex_);
  return reason_;
}

}  // namespace eldr
