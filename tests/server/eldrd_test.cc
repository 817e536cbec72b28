// The real binary: flags, exit codes, the port file, signals.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

std::string ReadAll(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class EldrdTest : public ::testing::Test {
 protected:
  // A folder of its own, so that tests can run side by side.
  EldrdTest() {
    std::string name = absl::StrCat(::testing::TempDir(), "/eldrd_XXXXXX");
    folder_ = mkdtemp(name.data());
    out_ = Path("out");
  }
  ~EldrdTest() override {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
  }

  std::string Path(const std::string& name) const { return absl::StrCat(folder_, "/", name); }

  bool Says(const std::string& text) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (ReadAll(Path("err")).find(text) == std::string::npos) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
  }

  void Spawn(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), std::getenv("ELDRD"));
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC;
    posix_spawn_file_actions_addopen(&files, 1, out_.c_str(), kFlags, 0600);
    posix_spawn_file_actions_addopen(&files, 2, Path("err").c_str(), kFlags, 0600);
    ASSERT_EQ(posix_spawn(&pid_, argv[0], &files, nullptr, argv.data(), environ), 0);
    posix_spawn_file_actions_destroy(&files);
  }

  // On free ports; returns once it listens.
  void SpawnAndWaitForPorts(const std::string& shutdown_delay,
                            std::vector<std::string> arguments = {}) {
    for (const std::string& argument :
         {std::string("--grpc-listen"), std::string("127.0.0.1:0"), std::string("--http-listen"),
          std::string("127.0.0.1:0"), std::string("--shutdown-delay"), shutdown_delay,
          std::string("--port-file"), Path("ports")}) {
      arguments.push_back(argument);
    }
    Spawn(std::move(arguments));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (access(Path("ports").c_str(), F_OK) != 0) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << ReadAll(Path("err"));
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

  // The exit code, or -1 if a signal ended it.
  int Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  int Run(std::vector<std::string> arguments) {
    Spawn(std::move(arguments));
    return Wait();
  }

  std::string folder_;
  std::string out_;  // what standard output is
  pid_t pid_ = 0;
};

TEST_F(EldrdTest, ChecksAConfiguration) {
  const std::string source = std::getenv("ELDR_SOURCE_DIR");
  EXPECT_EQ(Run({"--check-config", "--config", source + "/config/eldrd.yaml"}), 0);
  EXPECT_EQ(ReadAll(Path("out")), "ok\n");

  std::ofstream(Path("bad.yaml")) << "seed: 1\nsed: 2\n";
  EXPECT_EQ(Run({"--check-config", "--config", Path("bad.yaml")}), 1);
  EXPECT_THAT(ReadAll(Path("err")),
              HasSubstr(absl::StrCat("eldrd: ", Path("bad.yaml"), ":2: sed: got an unknown key")));
  EXPECT_EQ(ReadAll(Path("out")), "");
  // As from "$CONFIG" where that is not set.
  EXPECT_NE(Run({"--check-config", "--config", ""}), 0);
  EXPECT_THAT(ReadAll(Path("err")),
              HasSubstr("--config: got nothing, expected the path of a file"));
}

TEST_F(EldrdTest, PrintsTheConfigurationInForce) {
  EXPECT_EQ(Run({"--print-config", "--seed", "7"}), 0);
  EXPECT_THAT(ReadAll(Path("out")), HasSubstr("\nseed: 7\n"));
}

TEST_F(EldrdTest, KnowsItsFlags) {
  EXPECT_EQ(Run({"--version"}), 0);
  EXPECT_THAT(ReadAll(Path("out")),
              MatchesRegex("eldrd [0-9.]+ \\(commit ([0-9a-f]+|unknown), .+\\)\n"));
  EXPECT_EQ(Run({"--help"}), 0);
  EXPECT_THAT(ReadAll(Path("out")), HasSubstr("--port-file"));
  EXPECT_EQ(Run({"--unknown"}), 2);
  EXPECT_THAT(ReadAll(Path("err")), HasSubstr("--unknown"));
  EXPECT_EQ(Run({"--grpc-listen", "0.0.0.0:0"}), 1);
  EXPECT_THAT(ReadAll(Path("err")), HasSubstr("--grpc-listen: grpc.listen: got \"0.0.0.0:0\""));
}

TEST_F(EldrdTest, WhatCannotBePrintedIsAFailure) {
  out_ = "/dev/full";
  for (const char* const flag : {"--help", "--version", "--print-config", "--check-config"}) {
    EXPECT_EQ(Run({flag}), 1) << flag;
    EXPECT_THAT(ReadAll(Path("err")), HasSubstr("cannot write to standard output")) << flag;
  }
}

TEST_F(EldrdTest, SaysThatItMayOpenTooFewFiles) {
  const std::string command =
      absl::StrCat("ulimit -n 40; exec ", std::getenv("ELDRD"),
                   " --grpc-listen 127.0.0.1:0 --http-listen 127.0.0.1:0 2>", Path("err"));
  EXPECT_EQ(WEXITSTATUS(std::system(command.c_str())), 1);
  EXPECT_THAT(ReadAll(Path("err")),
              HasSubstr("error not_started message=\"open files: the hard limit is 40, expected at "
                        "least 64 (ulimit -Hn)"));
}

TEST_F(EldrdTest, WritesItsPortsAndEndsInOrderOnASignal) {
  for (const int signal : {SIGTERM, SIGINT}) {
    std::remove(Path("ports").c_str());
    SpawnAndWaitForPorts("0");
    EXPECT_THAT(ReadAll(Path("ports")),
                MatchesRegex("grpc=127.0.0.1:[1-9][0-9]*\nhttp=127.0.0.1:[1-9][0-9]*\n"));
    kill(pid_, signal);
    EXPECT_EQ(Wait(), 0);
    EXPECT_THAT(ReadAll(Path("err")), HasSubstr(" info stopped"));
  }
}

// As a write does that goes beyond a limit of file sizes (ulimit -f, LimitFSIZE).
TEST_F(EldrdTest, ALimitOfFileSizesDoesNotEndIt) {
  SpawnAndWaitForPorts("0s");
  ASSERT_EQ(kill(pid_, SIGXFSZ), 0);
  ASSERT_EQ(kill(pid_, SIGTERM), 0);
  EXPECT_EQ(Wait(), 0);
}

TEST_F(EldrdTest, ASecondSignalEndsAtOnce) {
  SpawnAndWaitForPorts("1h");
  kill(pid_, SIGTERM);
  ASSERT_TRUE(Says("stopping"));
  kill(pid_, SIGTERM);
  EXPECT_EQ(Wait(), 128 + SIGTERM);
}

TEST_F(EldrdTest, AHangUpRereadsWhatCanBeRereadAndSaysSo) {
  std::ofstream(Path("c.yaml")) << "seed: 1\n";
  SpawnAndWaitForPorts("0", {"--config", Path("c.yaml")});
  std::ofstream(Path("c.yaml")) << "seed: 2\nlog: {level: debug}\nmodels: [{name: m, layers: 2, "
                                   "experts: 4, top_k: 2}]\n";
  kill(pid_, SIGHUP);
  EXPECT_TRUE(
      Says("info reloaded log_level=debug credential_files=0 changed=0 bad=0 "
           "restart_needed=seed,models"))
      << ReadAll(Path("err"));
  std::ofstream(Path("c.yaml")) << "sed: 2\n";
  kill(pid_, SIGHUP);
  EXPECT_TRUE(Says("error config_not_reloaded")) << ReadAll(Path("err"));
  EXPECT_TRUE(Says("restart_needed=\"\"")) << "and all else is done";
  kill(pid_, SIGTERM);
  EXPECT_EQ(Wait(), 0);
  EXPECT_THAT(ReadAll(Path("err")), HasSubstr("info stopped"));
}

TEST_F(EldrdTest, CredentialsThatNobodyWritesHoldUpNothing) {
  std::ofstream(Path("tokens")) << "0123456789abcdef\n";
  std::ofstream(Path("c.yaml")) << "auth: {tokens: {admin: " << Path("tokens") << "}}\n";
  SpawnAndWaitForPorts("0", {"--config", Path("c.yaml")});
  std::remove(Path("tokens").c_str());
  ASSERT_EQ(mkfifo(Path("tokens").c_str(), 0600), 0);
  kill(pid_, SIGHUP);
  EXPECT_TRUE(Says("warning credentials_not_reloaded")) << ReadAll(Path("err"));
  EXPECT_TRUE(Says("info reloaded"));
  kill(pid_, SIGTERM);
  EXPECT_EQ(Wait(), 0);
}

TEST_F(EldrdTest, CredentialsThatCannotServeDoNotPassTheCheck) {
  std::ofstream(Path("c.yaml")) << "tls: {certificate: /nowhere/c, key: /nowhere/k}\n";
  EXPECT_EQ(Run({"--check-config", "--config", Path("c.yaml")}), 1);
  EXPECT_THAT(ReadAll(Path("err")), HasSubstr("tls.certificate: got \"/nowhere/c\""));
  EXPECT_EQ(ReadAll(Path("out")), "");
  EXPECT_EQ(Run({"--config", Path("c.yaml"), "--log-format", "json"}), 1);
  EXPECT_THAT(ReadAll(Path("err")), HasSubstr("\"event\":\"not_started\""));
  std::ofstream(Path("c.yaml")) << "auth: {tokens: {admin: /nowhere/t}}\n";
  EXPECT_EQ(Run({"--check-config", "--config", Path("c.yaml")}), 1);
  EXPECT_THAT(ReadAll(Path("err")), HasSubstr("auth.tokens.admin: /nowhere/t"));
}

TEST_F(EldrdTest, APortFileThatCannotBeWrittenStopsTheStart) {
  EXPECT_EQ(Run({"--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--shutdown-delay",
                 "0", "--port-file", Path("no/such/folder")}),
            1);
  EXPECT_THAT(ReadAll(Path("err")), HasSubstr("--port-file: cannot write"));
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);  // that nobody reads
  EXPECT_EQ(Run({"--grpc-listen", "127.0.0.1:0", "--http-listen", "127.0.0.1:0", "--shutdown-delay",
                 "0", "--port-file", Path("pipe")}),
            1);
}

}  // namespace
}  // namespace eldr
