// Commands of eldrctl that need no daemon.
#include "client/ctl/local_commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "client/ctl/eldrctl.h"

namespace eldr::ctl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

struct Outcome {
  int code;
  std::string out;
  std::string err;
};

Outcome RunLocal(const std::vector<std::string>& arguments) {
  std::ostringstream out, err;
  const int code = RunEldrctl(arguments, out, err);
  return {code, out.str(), err.str()};
}

TEST(LocalCommandsTest, CompletionsKnowEveryCommandAndOption) {
  for (const char* const shell : {"bash", "zsh", "fish"}) {
    const Outcome script = RunLocal({"completion", shell});
    EXPECT_EQ(script.code, kExitOk);
    EXPECT_THAT(script.out, AllOf(HasSubstr("'nodes register'"), HasSubstr("heartbeat-interval"),
                                  HasSubstr("tls-server-name"), HasSubstr("table json")))
        << shell;
  }
  EXPECT_EQ(RunLocal({"completion", "csh"}).code, kExitUsage);
  EXPECT_EQ(RunLocal({"completion"}).code, kExitUsage);
}

TEST(LocalCommandsTest, LetsTheDaemonCheckAConfiguration) {
  EXPECT_EQ(RunLocal({"config", "check", "f.yaml", "--eldrd", "/bin/true"}).code, kExitOk);
  EXPECT_EQ(RunLocal({"config", "check", "f.yaml", "--eldrd", "/bin/false"}).code, kExitCallFailed);
  const Outcome missing = RunLocal({"config", "check", "f.yaml", "--eldrd", "/no/such/eldrd"});
  EXPECT_EQ(missing.code, kExitUsage);
  EXPECT_THAT(missing.err, HasSubstr("cannot run /no/such/eldrd (No such file or directory)"));
  EXPECT_EQ(RunLocal({"config", "check"}).code, kExitUsage);
}

}  // namespace
}  // namespace eldr::ctl
