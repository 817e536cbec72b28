// kill -9 under load, then a new process: what was acknowledged and is gone?
#include <fcntl.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "eldr/v1/fleet.grpc.pb.h"
#include "eldr/v1/placement.grpc.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace eldr {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// An eldrd on a state directory of its own; it can be killed and started again.
class Eldrd {
 public:
  explicit Eldrd(const std::string& sync) {
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ + "/eldrd.yaml")
        << "grpc:\n  listen: [\"127.0.0.1:0\"]\nhttp:\n  listen: \"127.0.0.1:0\"\n"
        << "state_dir: " << folder_ << "/state\nstate_sync: " << sync
        << "\nstate_sync_interval: 200ms\nshutdown_delay: 0\n"
        << "models:\n  - name: m\n    layers: 8\n    experts: 64\n    top_k: 4\n";
  }
  ~Eldrd() { Kill(); }

  void Start() {
    const std::string ports = folder_ + "/ports";
    std::remove(ports.c_str());
    std::vector<std::string> arguments = {std::getenv("ELDRD"), "--config", folder_ + "/eldrd.yaml",
                                          "--port-file", ports};
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 2, (folder_ + "/err").c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
    ASSERT_EQ(posix_spawn(&pid_, argv[0], &files, nullptr, argv.data(), environ), 0);
    posix_spawn_file_actions_destroy(&files);
    const auto deadline = Clock::now() + std::chrono::seconds(20);
    while (access(ports.c_str(), F_OK) != 0) {
      ASSERT_LT(Clock::now(), deadline) << Log();
      std::this_thread::sleep_for(milliseconds(2));
    }
    std::ifstream file(ports);
    std::string line;
    std::getline(file, line);
    channel_ =
        grpc::CreateChannel(line.substr(line.find('=') + 1), grpc::InsecureChannelCredentials());
  }
  void Kill() {
    if (pid_ == 0) return;
    kill(pid_, SIGKILL);
    waitpid(std::exchange(pid_, 0), nullptr, 0);
  }
  std::string Log() const {
    std::ostringstream text;
    text << std::ifstream(folder_ + "/err").rdbuf();
    return text.str();
  }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

 private:
  const TempDir dir_;
  const std::string folder_ = dir_ / "eldrd";
  pid_t pid_ = 0;
  std::shared_ptr<grpc::Channel> channel_;
};

struct Acknowledged {
  std::string request_id;
  std::uint64_t lease_id;
  Clock::time_point at;
};

void RegisterNodes(Eldrd& eldrd) {
  auto fleet = v1::FleetService::NewStub(eldrd.channel());
  for (int i = 0; i < 4; ++i) {
    grpc::ClientContext context;
    v1::RegisterNodeRequest request;
    v1::RegisterNodeResponse response;
    request.mutable_node()->set_node_id(absl::StrCat("n", i));
    request.mutable_node()->set_model("m");
    request.mutable_node()->set_address("a:1");
    ASSERT_TRUE(fleet->RegisterNode(&context, request, &response).ok());
  }
}

// Places until the daemon is gone.
std::vector<Acknowledged> Load(Eldrd& eldrd, const std::string& prefix) {
  auto stub = v1::PlacementService::NewStub(eldrd.channel());
  std::vector<Acknowledged> placed;
  while (true) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
    v1::PlaceRequest request;
    v1::PlaceResponse response;
    request.set_model("m");
    request.set_request_id(absl::StrCat(prefix, placed.size()));
    if (!stub->Place(&context, request, &response).ok()) return placed;
    placed.push_back({request.request_id(), response.lease_id(), Clock::now()});
  }
}

bool Holds(v1::PlacementService::Stub& stub, const Acknowledged& lease) {
  grpc::ClientContext context;
  v1::RenewLeaseRequest request;
  v1::RenewLeaseResponse response;
  request.mutable_lease()->set_model("m");
  request.mutable_lease()->set_request_id(lease.request_id);
  request.mutable_lease()->set_lease_id(lease.lease_id);
  EXPECT_TRUE(stub.RenewLease(&context, request, &response).ok());
  return response.outcome() == v1::LEASE_OUTCOME_DONE;
}

class EldrdRestartTest : public ::testing::TestWithParam<std::string> {};

TEST_P(EldrdRestartTest, NothingOlderThanTheLossWindowIsMissing) {
  const bool always = GetParam() == "always";
  Eldrd eldrd(GetParam());
  eldrd.Start();
  if (HasFatalFailure()) return;
  RegisterNodes(eldrd);
  std::vector<std::vector<Acknowledged>> placed(4);
  std::vector<std::thread> clients;
  for (std::size_t i = 0; i < placed.size(); ++i) {
    clients.emplace_back([&, i] { placed[i] = Load(eldrd, absl::StrCat("c", i, "-")); });
  }
  std::this_thread::sleep_for(milliseconds(2000));  // of load, not for a result
  const auto killed = Clock::now();
  eldrd.Kill();
  for (std::thread& client : clients) client.join();

  eldrd.Start();
  if (HasFatalFailure()) return;
  auto stub = v1::PlacementService::NewStub(eldrd.channel());
  // The interval, and a write that was under way on a busy machine.
  const auto window = always ? milliseconds(0) : milliseconds(200 + 600);
  std::size_t kept = 0, lost = 0;
  for (const auto& client : placed) {
    for (const Acknowledged& lease : client) {
      if (Holds(*stub, lease)) {
        ++kept;
        continue;
      }
      ++lost;
      EXPECT_FALSE(always) << lease.request_id << " was acknowledged and is gone";
      EXPECT_LT(killed - lease.at, window) << lease.request_id << " was older than the window";
    }
  }
  RecordProperty("kept", static_cast<int>(kept));
  RecordProperty("lost", static_cast<int>(lost));
  std::cout << GetParam() << ": kept " << kept << ", lost " << lost << "\n";
  EXPECT_GT(kept, 20u);
  EXPECT_THAT(eldrd.Log(), ::testing::HasSubstr("state_restored"));
}

INSTANTIATE_TEST_SUITE_P(Policies, EldrdRestartTest,
                         ::testing::Values("always", "interval", "never"),
                         [](const auto& param) { return param.param; });

}  // namespace
}  // namespace eldr
