// An API server of Kubernetes as far as discovery goes, that misbehaves when told.
#ifndef ELDR_TESTS_SERVER_DISCOVERY_FAKE_API_SERVER_H_
#define ELDR_TESTS_SERVER_DISCOVERY_FAKE_API_SERVER_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "tests/server/test_authority.h"
#include "tests/support/temp_dir.h"

namespace httplib {
class SSLServer;
struct Request;
struct Response;
}  // namespace httplib

namespace eldr {

// HTTPS on a free port of the loopback: lists pods in pages, streams what happens to them, has an
// InferencePool. Each change has the next version, as etcd counts them. Thread-safe.
class FakeApiServer {
 public:
  struct Pod {
    std::string name;
    std::string ip = "10.0.0.1";
    bool ready = true;
    bool ending = false;
    std::string phase = "Running";
    std::string uid = "uid";
    std::map<std::string, std::string> labels = {};
  };
  // What becomes of the event that a change makes.
  enum class Event { kSent, kSentTwice, kMissed };

  FakeApiServer();
  ~FakeApiServer();

  std::string url() const;
  // A folder with token, ca.crt and namespace ("default"), as a service account's is mounted.
  std::string credentials() const { return folder_.path(); }

  // Adds or changes.
  void Put(const Pod& pod, Event event = Event::kSent);
  void Delete(const std::string& name, Event event = Event::kSent);
  // Sends what stands there, to watches that are open and those to come.
  void SendLine(const std::string& line);
  // A line for the pod as if it were that version, without a change of the pods themselves.
  static std::string Line(const std::string& type, const Pod& pod, std::int64_t version);
  void Bookmark();
  std::int64_t version() const;

  // Nobody knows what was before now: watches from then are told 410, as are pages of a list.
  void Compact();
  // Cuts each connection that watches, in the middle of a chunk.
  void DropWatches();
  // Ends watches as their time being over does.
  void EndWatches();
  // From now on only this token is good; with `write`, the file has it.
  void SetToken(const std::string& token, bool write);
  // Answers this to all requests; 0: as usual.
  void Fail(int status) { fail_ = status; }
  void SetPool(const std::string& json);
  // Answers lists with this; empty: with the pods.
  void SetList(const std::string& body);

  int lists() const { return lists_; }      // pages
  int watches() const { return watches_; }  // begun
  int open_watches() const { return open_watches_; }
  int refused_tokens() const { return refused_tokens_; }
  // The selector of the last list.
  std::string selector() const;

 private:
  struct Entry {
    std::int64_t version;
    std::string line;
  };

  bool Admit(const httplib::Request& request, httplib::Response& response);
  void OnPods(const httplib::Request& request, httplib::Response& response);
  void AnswerList(const httplib::Request& request, httplib::Response& response);
  void AnswerWatch(const httplib::Request& request, httplib::Response& response);
  void OnPool(const httplib::Request& request, httplib::Response& response);
  void Happen(const std::string& type, const Pod& pod, Event event);

  const TempDir folder_;
  TestAuthority authority_{"a cluster"};
  std::unique_ptr<httplib::SSLServer> server_;
  int port_ = 0;
  std::atomic<int> lists_{0}, watches_{0}, open_watches_{0}, refused_tokens_{0}, fail_{0};

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::pair<Pod, std::int64_t>> pods_;
  std::vector<Entry> entries_;
  std::int64_t version_ = 100;
  std::int64_t compacted_ = 0;
  std::uint64_t drops_ = 0, ends_ = 0;
  bool closing_ = false;
  std::string token_ = "first-token";
  std::string pool_;
  std::string list_;
  std::string selector_;
  std::thread thread_;
};

}  // namespace eldr

#endif  // ELDR_TESTS_SERVER_DISCOVERY_FAKE_API_SERVER_H_
