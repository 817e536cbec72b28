// A command line, run in process against a daemon whose answers a test scripts.
#ifndef ELDR_TESTS_CLIENT_ELDRCTL_FIXTURE_H_
#define ELDR_TESTS_CLIENT_ELDRCTL_FIXTURE_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "client/ctl/eldrctl.h"
#include "tests/client/fake_daemon.h"

namespace eldr::ctl {

class EldrctlTest : public ::testing::Test {
 protected:
  // Runs a command line against the daemon and returns its exit code.
  int Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--target", daemon_.target()});
    return RunBare(arguments);
  }
  int RunBare(const std::vector<std::string>& arguments) {
    out_.str("");
    err_.str("");
    return RunEldrctl(arguments, out_, err_);
  }
  std::string out() const { return out_.str(); }
  std::string err() const { return err_.str(); }

  // Scripts a call that succeeds with `response`.
  template <typename Request, typename Response>
  static void Answer(client::FakeCall<Request, Response>& call, const Response& response) {
    call.set_answer([response](const Request&, Response* out) {
      *out = response;
      return grpc::Status::OK;
    });
  }

  // The daemon knows any model by this geometry.
  void AnswerGeometry(uint32_t layers, uint32_t experts, uint32_t top_k,
                      const std::vector<uint32_t>& moe_hidden_layers = {}) {
    v1::DescribeModelResponse described;
    v1::ModelGeometry& geometry = *described.mutable_model()->mutable_geometry();
    geometry.set_layers(layers);
    geometry.set_experts(experts);
    geometry.set_top_k(top_k);
    for (const uint32_t layer : moe_hidden_layers) geometry.add_moe_hidden_layers(layer);
    Answer(daemon_.models.describe_model, described);
  }

  client::FakeDaemon daemon_;

 private:
  std::ostringstream out_, err_;
};

}  // namespace eldr::ctl

#endif  // ELDR_TESTS_CLIENT_ELDRCTL_FIXTURE_H_
