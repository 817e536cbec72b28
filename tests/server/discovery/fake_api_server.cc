#include "tests/server/discovery/fake_api_server.h"

#include <httplib.h>

#include <chrono>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

namespace eldr {
namespace {

constexpr char kNamespacePath[] = "/api/v1/namespaces/default/pods";
constexpr char kPoolPath[] =
    "/apis/inference.networking.k8s.io/v1/namespaces/default/inferencepools/pool";

std::string StatusOf(int code, const std::string& message) {
  return absl::StrCat(R"({"kind":"Status","apiVersion":"v1","status":"Failure","message":")",
                      message, R"(","code":)", code, "}");
}

std::string JsonOf(const FakeApiServer::Pod& pod, std::int64_t version) {
  const std::string labels =
      absl::StrJoin(pod.labels, ",", [](std::string* out, const auto& label) {
        absl::StrAppend(out, "\"", label.first, "\":\"", label.second, "\"");
      });
  return absl::StrCat(
      R"({"metadata":{"name":")", pod.name, R"(","namespace":"default","uid":")", pod.uid,
      R"(","resourceVersion":")", version, R"(","labels":{)", labels, "}",
      pod.ending ? R"(,"deletionTimestamp":"2026-01-01T00:00:00Z")" : "",
      R"(,"managedFields":[{"fieldsV1":{"f:status":{"f:podIP":{}}}}]},)",
      R"("spec":{"containers":[{"name":"engine","ports":[{"containerPort":8000}]}]},)",
      R"("status":{"phase":")", pod.phase, R"(","podIP":")", pod.ip,
      R"(","conditions":[{"type":"Initialized","status":"True"},{"type":"Ready","status":")",
      pod.ready ? "True" : "False", R"("}]}})");
}

std::int64_t NumberOf(const std::string& text) {
  std::int64_t number = 0;
  return absl::SimpleAtoi(text, &number) ? number : 0;
}

}  // namespace

FakeApiServer::FakeApiServer() {
  ReplaceFile(folder_ / "ca.crt", authority_.certificate());
  ReplaceFile(folder_ / "token", "first-token\n");
  ReplaceFile(folder_ / "namespace", "default");
  const TestCertificate own = authority_.Issue("api", {"IP:127.0.0.1"});
  ReplaceFile(folder_ / "server.crt", own.certificate);
  ReplaceFile(folder_ / "server.key", own.key);
  server_ = std::make_unique<httplib::SSLServer>((folder_ / "server.crt").c_str(),
                                                 (folder_ / "server.key").c_str());
  server_->new_task_queue = [] { return new httplib::ThreadPool(32); };
  server_->Get(kNamespacePath, [this](const httplib::Request& request,
                                      httplib::Response& response) { OnPods(request, response); });
  server_->Get(kPoolPath, [this](const httplib::Request& request, httplib::Response& response) {
    OnPool(request, response);
  });
  port_ = server_->bind_to_any_port("127.0.0.1");
  EXPECT_GT(port_, 0);
  thread_ = std::thread([this] { server_->listen_after_bind(); });
}

FakeApiServer::~FakeApiServer() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  server_->stop();
  thread_.join();
}

std::string FakeApiServer::url() const { return absl::StrCat("https://127.0.0.1:", port_); }

void FakeApiServer::Put(const Pod& pod, Event event) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const bool known = pods_.count(pod.name) > 0;
  Happen(known ? "MODIFIED" : "ADDED", pod, event);
  pods_[pod.name] = {pod, version_};
}

void FakeApiServer::Delete(const std::string& name, Event event) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto pod = pods_.find(name);
  if (pod == pods_.end()) return;
  Happen("DELETED", pod->second.first, event);
  pods_.erase(pod);
}

void FakeApiServer::Happen(const std::string& type, const Pod& pod, Event event) {
  ++version_;
  for (int i = 0; i < static_cast<int>(event == Event::kSentTwice) + 1; ++i) {
    if (event != Event::kMissed) entries_.push_back({version_, Line(type, pod, version_)});
  }
  changed_.notify_all();
}

std::string FakeApiServer::Line(const std::string& type, const Pod& pod, std::int64_t version) {
  return absl::StrCat(R"({"type":")", type, R"(","object":)", JsonOf(pod, version), "}\n");
}

void FakeApiServer::SendLine(const std::string& line) {
  const std::lock_guard<std::mutex> lock(mutex_);
  entries_.push_back({++version_, line});
  changed_.notify_all();
}

void FakeApiServer::Bookmark() {
  std::int64_t version = 0;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    version = version_ + 1;
  }
  SendLine(absl::StrCat(R"({"type":"BOOKMARK","object":{"kind":"Pod","metadata":)",
                        R"({"resourceVersion":")", version, "\"}}}\n"));
}

std::int64_t FakeApiServer::version() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return version_;
}

void FakeApiServer::Compact() {
  const std::lock_guard<std::mutex> lock(mutex_);
  compacted_ = ++version_;
}

void FakeApiServer::DropWatches() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++drops_;
  changed_.notify_all();
}

void FakeApiServer::EndWatches() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++ends_;
  changed_.notify_all();
}

void FakeApiServer::SetToken(const std::string& token, bool write) {
  const std::lock_guard<std::mutex> lock(mutex_);
  token_ = token;
  if (write) ReplaceFile(folder_ / "token", token + "\n");
}

void FakeApiServer::SetPool(const std::string& json) {
  const std::lock_guard<std::mutex> lock(mutex_);
  pool_ = json;
}

void FakeApiServer::SetList(const std::string& body) {
  const std::lock_guard<std::mutex> lock(mutex_);
  list_ = body;
}

std::string FakeApiServer::selector() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return selector_;
}

bool FakeApiServer::Admit(const httplib::Request& request, httplib::Response& response) {
  const int fail = fail_;
  std::string token;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    token = token_;
  }
  const bool good = request.get_header_value("Authorization") == absl::StrCat("Bearer ", token);
  if (fail == 0 && good) return true;
  if (!good) ++refused_tokens_;
  response.status = fail != 0 ? fail : 401;
  response.set_content(StatusOf(response.status, "not today"), "application/json");
  return false;
}

void FakeApiServer::OnPool(const httplib::Request& request, httplib::Response& response) {
  if (!Admit(request, response)) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  response.status = pool_.empty() ? 404 : 200;
  response.set_content(pool_.empty() ? StatusOf(404, "no such pool") : pool_, "application/json");
}

void FakeApiServer::OnPods(const httplib::Request& request, httplib::Response& response) {
  if (!Admit(request, response)) return;
  if (request.get_param_value("watch") == "1") {
    AnswerWatch(request, response);
  } else {
    AnswerList(request, response);
  }
}

// A page goes on after a name, and tells the version of the first page.
void FakeApiServer::AnswerList(const httplib::Request& request, httplib::Response& response) {
  ++lists_;
  const std::lock_guard<std::mutex> lock(mutex_);
  selector_ = request.get_param_value("labelSelector");
  const std::vector<std::string> next =
      absl::StrSplit(request.get_param_value("continue"), absl::MaxSplits('/', 1));
  if (!list_.empty()) return response.set_content(list_, "application/json");
  const bool first = next.size() < 2;
  const std::int64_t version = first ? version_ : NumberOf(next[0]);
  if (version < compacted_) {
    response.status = 410;
    response.set_content(StatusOf(410, "the list is too old"), "application/json");
    return;
  }
  const auto limit = static_cast<std::size_t>(NumberOf(request.get_param_value("limit")));
  std::string items, more;
  std::size_t count = 0;
  for (auto pod = first ? pods_.begin() : pods_.upper_bound(next[1]); pod != pods_.end(); ++pod) {
    absl::StrAppend(&items, items.empty() ? "" : ",",
                    JsonOf(pod->second.first, pod->second.second));
    if (++count == limit && std::next(pod) != pods_.end()) {
      more = absl::StrCat(version, "/", pod->first);
      break;
    }
  }
  response.set_content(absl::StrCat(R"({"kind":"PodList","metadata":{"resourceVersion":")", version,
                                    R"(","continue":")", more, R"("},"items":[)", items, "]}"),
                       "application/json");
}

void FakeApiServer::AnswerWatch(const httplib::Request& request, httplib::Response& response) {
  ++watches_;
  const std::int64_t from = NumberOf(request.get_param_value("resourceVersion"));
  const std::lock_guard<std::mutex> lock(mutex_);
  if (from < compacted_) {
    // As a real one does it: 200, and the error is the first event.
    response.set_content(
        absl::StrCat(R"({"type":"ERROR","object":)", StatusOf(410, "too old"), "}\n"),
        "application/json");
    return;
  }
  ++open_watches_;
  response.set_chunked_content_provider(
      "application/json",
      [this, from, sent = std::size_t{0}, drops = drops_, ends = ends_](
          std::size_t, httplib::DataSink& sink) mutable {
        std::unique_lock<std::mutex> held(mutex_);
        changed_.wait(held, [&] {
          return closing_ || drops != drops_ || ends != ends_ || sent < entries_.size();
        });
        if (closing_ || drops != drops_) return false;
        if (ends != ends_) {
          sink.done();
          return true;
        }
        const Entry entry = entries_[sent++];
        held.unlock();
        return entry.version <= from || sink.write(entry.line.data(), entry.line.size());
      },
      [this](bool) { --open_watches_; });
}

}  // namespace eldr
