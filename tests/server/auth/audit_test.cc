// Audit lines of a live daemon.
#include <grpcpp/client_context.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "tests/server/secured_daemon.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class AuditTest : public SecuredDaemonTest {
 protected:
  std::vector<std::string> AuditLines() {
    std::vector<std::string> lines;
    const std::string log = StopAndReadLog();
    for (const absl::string_view line : absl::StrSplit(log, '\n')) {
      if (absl::StrContains(line, " audit ")) lines.push_back(std::string(line));
    }
    return lines;
  }
};

auto Line(const std::string& call, const std::string& target, const std::string& outcome) {
  return AllOf(HasSubstr(absl::StrCat("call=", call, " ")),
               HasSubstr(absl::StrCat("target=", target, " ")),
               HasSubstr(absl::StrCat("outcome=", outcome)));
}

TEST_F(AuditTest, EachAdministrativeActSaysWhoDidWhatOnWhat) {
  StartSecured(SecuredConfig());
  DeclareTestModel();
  RegisterTestNode("a");
  EXPECT_THAT(FromGrpc(Place("r1")), IsOk());
  grpc::ClientContext drain, undrain, remove;
  v1::DrainNodeRequest drain_request;
  drain_request.set_node_id("a");
  v1::DrainNodeResponse drained;
  EXPECT_TRUE(fleet_->DrainNode(&drain, drain_request, &drained).ok());
  v1::UndrainNodeRequest undrain_request;
  undrain_request.set_node_id("b");
  v1::UndrainNodeResponse undrained;
  EXPECT_FALSE(fleet_->UndrainNode(&undrain, undrain_request, &undrained).ok());
  v1::RemoveNodeRequest remove_request;
  remove_request.set_node_id("a");
  v1::RemoveNodeResponse removed;
  EXPECT_TRUE(fleet_->RemoveNode(&remove, remove_request, &removed).ok());
  const std::vector<std::string> lines = AuditLines();
  EXPECT_THAT(lines,
              ElementsAre(Line("DeclareModel", "m", "ok"), Line("RegisterNode", "a", "ok"),
                          Line("DrainNode", "a", "ok"), Line("UndrainNode", "b", "not_found"),
                          Line("RemoveNode", "a", "ok")));
  EXPECT_THAT(lines[0], HasSubstr("who=anonymous"));
  EXPECT_THAT(lines[0], HasSubstr("peer=127.0.0.1"));
}

TEST_F(AuditTest, ARefusedAttemptNamesTheCredential) {
  StartSecured(WithTokens(SecuredConfig()));
  EXPECT_FALSE(Drain(channel(), TokenOf(Role::kPrefill)).ok());
  EXPECT_FALSE(Drain(channel(), "").ok());
  EXPECT_FALSE(Drain(channel(), TokenOf(Role::kAdmin)).ok());  // there is no such node
  const std::string file = TokenPath(Role::kPrefill);
  EXPECT_THAT(
      AuditLines(),
      ElementsAre(AllOf(Line("DrainNode", "node-7", "permission_denied"),
                        HasSubstr(absl::StrCat("who=\"token ", file)), HasSubstr("role=prefill"),
                        HasSubstr("warning")),
                  AllOf(Line("DrainNode", "node-7", "unauthenticated"), HasSubstr("who=anonymous")),
                  AllOf(Line("DrainNode", "node-7", "not_found"), HasSubstr("role=admin"))));
}

TEST_F(AuditTest, WhoeverKnocksAllTheTimeCannotFillTheLog) {
  StartSecured(WithTokens(SecuredConfig()));
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(Drain(channel(), "").ok());
  clock_.Advance(absl::Seconds(1));
  EXPECT_FALSE(Drain(channel(), "").ok());
  const std::vector<std::string> lines = AuditLines();
  ASSERT_THAT(lines, SizeIs(11));
  EXPECT_THAT(lines.back(), HasSubstr("refusals_left_out=40"));
}

TEST_F(AuditTest, ANameOfMegabytesIsCutInTheLogAndInTheAnswer) {
  StartSecured(SecuredConfig());
  grpc::ClientContext context;
  v1::DrainNodeRequest request;
  request.set_node_id(std::string(3 << 20, 'n'));
  v1::DrainNodeResponse response;
  const grpc::Status status = fleet_->DrainNode(&context, request, &response);
  EXPECT_THAT(FromGrpc(status), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_LT(status.error_message().size(), 1100u);
  const std::vector<std::string> lines = AuditLines();
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_LT(lines[0].size(), 600u);
}

}  // namespace
}  // namespace eldr
