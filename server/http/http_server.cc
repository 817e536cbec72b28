#include "server/http/http_server.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/base/status_macros.h"

namespace eldr {
namespace {

// Accepted in one go before the others are looked at again.
constexpr int kHttpAcceptBatch = 256;
// How often the time is looked at while there are connections, or events to make.
constexpr int kTimeMs = 200;
constexpr int kEventsMs = 50;
// After a failed accept that closing a connection of our own does not heal.
constexpr int kHttpPauseMs = 100;
// An answer of which nothing was read for this long gives way to another.
constexpr absl::Duration kGivesWayAfter = absl::Seconds(1);

// As the page that was asked for words it.
HttpResponse WordedRefusal(const HttpPage* page, HttpResponse refusal) {
  if (page == nullptr || !page->refusal) return refusal;
  return page->refusal(std::move(refusal));
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const ListenAddress& address,
                                                              Options options, const Clock& clock) {
  std::unique_ptr<Listener> listener;
  ELDR_ASSIGN_OR_RETURN(listener, Listener::Open("http.listen", address));
  // OpenSSL writes to sockets in a way that raises it when the peer is gone.
  signal(SIGPIPE, SIG_IGN);
  std::unique_ptr<HttpServer> self(new HttpServer(std::move(listener), std::move(options), clock));
  self->thread_ = std::thread([server = self.get()] { server->Serve(); });
  return self;
}

HttpServer::HttpServer(std::unique_ptr<Listener> listener, Options options, const Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      address_(listener->address()),
      listener_(std::move(listener)),
      workers_{std::make_unique<HttpWorker>(wake_, /*gives_way=*/false),
               std::make_unique<HttpWorker>(wake_, /*gives_way=*/true)} {}

HttpServer::~HttpServer() { Stop(); }

void HttpServer::Stop() {
  if (!thread_.joinable()) return;
  stopping_.store(true);
  wake_.Wake();
  thread_.join();
  for (auto& worker : workers_) worker.reset();
  connections_.clear();
  listener_.reset();
}

void HttpServer::Serve() {
  while (!stopping_.load()) {
    Poll();
    OnTime();
    std::erase_if(connections_, [this](const auto& entry) { return entry.second->Overdue(now_); });
  }
}

int HttpServer::PollTimeoutMs() const {
  if (pausing_) return kHttpPauseMs;
  if (Count(State::kWatching) > 0) return kEventsMs;
  return connections_.empty() ? -1 : kTimeMs;
}

void HttpServer::Poll() {
  std::vector<pollfd> files = {{wake_.fd(), POLLIN, 0}};
  std::vector<std::uint64_t> ids;
  for (const auto& [id, connection] : connections_) {
    files.push_back({connection->fd(), connection->events(), 0});
    ids.push_back(id);
  }
  if (!pausing_) {
    for (const int socket : listener_->sockets()) files.push_back({socket, POLLIN, 0});
  }
  const int ready = poll(files.data(), files.size(), PollTimeoutMs());
  now_ = clock_.Monotonic();
  pausing_ = false;
  if (ready <= 0) return;
  if (files[0].revents != 0) {
    wake_.Clear();
    TakeDone();
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const short news = files[i + 1].revents;
    const auto found = connections_.find(ids[i]);
    if (news == 0 || found == connections_.end()) continue;
    if (found->second->state() == State::kAsked && (news & (POLLHUP | POLLERR)) != 0) {
      WorkerOf(*found->second->page).Forget(ids[i]);
      connections_.erase(found);
      continue;
    }
    Advance(found->first, *found->second);
  }
  // Last, as this may close some of the others.
  for (std::size_t i = ids.size() + 1; i < files.size(); ++i) {
    if (files[i].revents != 0) AcceptAll();
  }
}

void HttpServer::AcceptAll() {
  for (const int listening : listener_->sockets()) {
    for (int i = 0; i < kHttpAcceptBatch; ++i) {
      if (connections_.size() >= options_.max_connections && !MakeRoom()) return;
      UniqueFd socket = AcceptConnection(listening);
      if (!socket.open() && (errno == EMFILE || errno == ENFILE) && MakeRoom()) {
        socket = AcceptConnection(listening);
      }
      if (!socket.open()) {
        pausing_ = errno != EAGAIN;
        break;
      }
      const SslContextPtr context = options_.tls ? options_.tls() : nullptr;
      auto& connection = connections_[++last_id_];
      connection = std::make_unique<HttpConnection>(std::move(socket), context.get(), now_);
      Advance(last_id_, *connection);  // what it asks has often come with it
    }
  }
}

bool HttpServer::MakeRoom() {
  for (const State state :
       {State::kReading, State::kClosing, State::kAnswering, State::kWatching}) {
    for (auto entry = connections_.begin(); entry != connections_.end(); ++entry) {
      if (entry->second->state() != state) continue;
      connections_.erase(entry);
      return true;
    }
  }
  return false;
}

void HttpServer::Advance(std::uint64_t id, HttpConnection& connection) {
  const bool asked_before = connection.state() == State::kAsked;
  connection.Advance(now_);
  if (connection.state() == State::kAsked && !asked_before) Dispatch(id, connection);
}

void HttpServer::Dispatch(std::uint64_t id, HttpConnection& connection) {
  const auto answer = [&](const HttpResponse& response) {
    connection.Answer(response, now_);
    connection.Advance(now_);
  };
  if (connection.parsed() != HttpParse::kDone) return answer(RefusalOf(connection.parsed()));
  const HttpRequest& request = connection.request();
  const HttpPage* const page = Find(request.path);
  if (options_.may_read && (page == nullptr || page->needs_token) &&
      !options_.may_read(request.authorization)) {
    return answer(WordedRefusal(
        page,
        {.status = 401, .body = "expected \"Authorization: Bearer TOKEN\" with a known token\n"}));
  }
  if (page == nullptr) return answer({.status = 404, .body = "no such page; / lists them\n"});
  connection.page = page;
  if (page->kind == HttpPage::Kind::kAtOnce) return answer(page->handler(request));
  if (!HasRoomForAnswer(page->lane)) {
    return answer(WordedRefusal(page, {.status = 503,
                                       .body = absl::StrCat("more than ", options_.max_answers,
                                                            " answers at a time; try again\n")}));
  }
  WorkerOf(*page).Push({id, page, request});
}

void HttpServer::BeginWatching(HttpConnection& connection, const HttpResponse& response) {
  if (connection.request().head) return connection.Answer(response, now_);
  if (Count(State::kWatching) >= options_.max_watchers) {
    return connection.Answer(
        WordedRefusal(connection.page, {.status = 503,
                                        .body = absl::StrCat("more than ", options_.max_watchers,
                                                             " clients watch; try again later\n")}),
        now_);
  }
  connection.BeginEvents(now_);
  connection.source = response.events;
  connection.next_event = now_;
}

bool HttpServer::HasRoomForAnswer(HttpPage::Lane lane) {
  std::size_t answers = 0;
  auto stalled = connections_.end();
  MonotonicTime stalled_since = now_ - kGivesWayAfter;
  for (auto entry = connections_.begin(); entry != connections_.end(); ++entry) {
    const HttpConnection& connection = *entry->second;
    const HttpPage* const page = connection.page;
    if (page == nullptr || page->kind != HttpPage::Kind::kMade || page->lane != lane) continue;
    if (connection.state() != State::kAsked && connection.state() != State::kAnswering) continue;
    ++answers;
    if (connection.StalledSince(now_) > stalled_since) continue;
    stalled_since = connection.StalledSince(now_);
    stalled = entry;
  }
  if (answers <= options_.max_answers) return true;  // the one that asks is among them
  if (stalled == connections_.end()) return false;
  connections_.erase(stalled);
  return true;
}

std::size_t HttpServer::Count(State state) const {
  return static_cast<std::size_t>(
      std::count_if(connections_.begin(), connections_.end(),
                    [state](const auto& entry) { return entry.second->state() == state; }));
}

void HttpServer::TakeDone() {
  std::vector<HttpWorker::Done> all;
  for (const auto& worker : workers_) {
    for (HttpWorker::Done& done : worker->TakeDone()) all.push_back(std::move(done));
  }
  for (HttpWorker::Done& done : all) {
    const auto found = connections_.find(done.connection);
    if (found == connections_.end()) continue;
    HttpConnection& connection = *found->second;
    if (connection.state() == State::kAsked && done.response.events != nullptr) {
      BeginWatching(connection, done.response);
    } else if (connection.state() == State::kAsked) {
      connection.Answer(done.response, now_);
    } else if (connection.state() == State::kWatching) {
      connection.event_in_work = false;
      connection.Send(std::move(done.response.body), now_);
    }
    connection.Advance(now_);
  }
}

void HttpServer::OnTime() {
  for (const auto& [id, connection] : connections_) {
    if (connection->state() != State::kWatching || connection->event_in_work ||
        connection->next_event > now_ || connection->StalledSince(now_) < now_) {
      continue;
    }
    connection->event_in_work = true;
    connection->next_event = now_ + connection->page->every;
    WorkerOf(*connection->page).Push({id, connection->page, {}, connection->source});
  }
}

const HttpPage* HttpServer::Find(absl::string_view path) const {
  for (const HttpPage& page : options_.pages) {
    if (page.path == path || (page.and_below && absl::StartsWith(path, page.path))) return &page;
  }
  return nullptr;
}

}  // namespace eldr
