#include "tests/chaos/eldrd_process.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <httplib.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gmock/gmock.h"
#include "tests/support/status_matchers.h"

namespace eldr {

EldrdProcess::EldrdProcess(Settings settings) : settings_(std::move(settings)) {
  std::ofstream(Path("eldrd.yaml"))
      << "grpc:\n  listen: [\"" << unix_target() << "\", \"127.0.0.1:0"
      << (settings_.also_listen.empty() ? "" : absl::StrCat("\", \"", settings_.also_listen))
      << "\"]\n"
      << settings_.grpc << "http:\n  listen: \"127.0.0.1:0\"\nshutdown_delay: 0\n"
      << "node_timeout: " << settings_.node_timeout
      << "\nmodels:\n  - name: m\n    layers: 8\n    experts: 64\n    top_k: 4\n"
      << settings_.more;
}

void EldrdProcess::Start() {
  const std::string ports = Path("ports");
  std::remove(ports.c_str());
  std::vector<std::string> command = settings_.prefix;
  for (const std::string& argument : {std::string(std::getenv("ELDRD")), std::string("--config"),
                                      Path("eldrd.yaml"), std::string("--port-file"), ports}) {
    command.push_back(argument);
  }
  process_ = std::make_unique<ChildProcess>(command, Path("log"), settings_.environment);
  ASSERT_TRUE(Within(absl::Seconds(30), [&] { return access(ports.c_str(), F_OK) == 0; })) << Log();
  const std::string listening = ReadWholeFile(ports);
  for (absl::string_view line : absl::StrSplit(listening, '\n')) {
    if (absl::ConsumePrefix(&line, "http=127.0.0.1:")) {
      ASSERT_TRUE(absl::SimpleAtoi(line, &http_port_)) << listening;
    }
  }
}

std::string EldrdProcess::tcp_target(const std::string& host) const {
  const std::string listening = ReadWholeFile(Path("ports"));
  for (absl::string_view line : absl::StrSplit(listening, '\n')) {
    if (absl::ConsumePrefix(&line, "grpc=") && absl::StartsWith(line, host)) {
      return std::string(line);
    }
  }
  ADD_FAILURE() << "it does not listen on " << host << ": " << listening;
  return "";
}

void EldrdProcess::Kill() { process_.reset(); }

int EldrdProcess::Wait() { return process_->Wait(); }

int EldrdProcess::Terminate() { return process_->End(SIGTERM); }

std::shared_ptr<grpc::Channel> EldrdProcess::NewChannel() const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // A daemon that is back shall not wait for clients that have backed off.
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 20);
  return grpc::CreateCustomChannel(unix_target(), grpc::InsecureChannelCredentials(), arguments);
}

std::string EldrdProcess::MetricsPage() const {
  httplib::Client client("127.0.0.1", http_port_);
  const httplib::Result result = client.Get("/metrics");
  return result && result->status == 200 ? result->body : "";
}

int EldrdProcess::StatusOf(const std::string& page) const {
  httplib::Client client("127.0.0.1", http_port_);
  const httplib::Result result = client.Get(page.c_str());
  return result ? result->status : 0;
}

double EldrdProcess::Metric(const std::string& name, const std::string& labels) const {
  double sum = 0;
  const std::string page = MetricsPage();
  EXPECT_FALSE(page.empty()) << "no metrics";
  for (absl::string_view line : absl::StrSplit(page, '\n')) {
    if (!absl::ConsumePrefix(&line, name) || line.empty() || (line[0] != '{' && line[0] != ' ')) {
      continue;
    }
    if (!absl::StrContains(line, labels)) continue;
    double value = 0;
    if (absl::SimpleAtod(line.substr(line.rfind(' ') + 1), &value)) sum += value;
  }
  return sum;
}

double EldrdProcess::ResidentBytes() const {
  std::ifstream file(absl::StrCat("/proc/", pid(), "/statm"));
  double pages = 0, resident = 0;
  file >> pages >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

void EldrdProcess::RegisterNode(const std::string& node_id) {
  grpc::ClientContext context;
  v1::RegisterNodeRequest request;
  v1::RegisterNodeResponse response;
  request.mutable_node()->set_node_id(node_id);
  request.mutable_node()->set_model("m");
  request.mutable_node()->set_address(absl::StrCat(node_id, ":1"));
  const grpc::Status status =
      v1::FleetService::NewStub(NewChannel())->RegisterNode(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
}

}  // namespace eldr
