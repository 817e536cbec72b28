#include "server/auth/call_roles.h"

#include <set>
#include <string>

#include "gtest/gtest.h"

namespace eldr {
namespace {

Call CallAt(std::size_t index) { return static_cast<Call>(index); }

TEST(CallRolesTest, AdminMayMakeEveryCallAndEachRoleHasSome) {
  for (std::size_t i = 0; i < kCalls; ++i) {
    EXPECT_TRUE(RolesOf(CallAt(i)).Has(Role::kAdmin)) << Name(CallAt(i));
  }
  for (std::size_t role = 0; role < kRoles; ++role) {
    int own = 0;
    for (std::size_t i = 0; i < kCalls; ++i) own += RolesOf(CallAt(i)).Has(static_cast<Role>(role));
    EXPECT_GT(own, 2) << Name(static_cast<Role>(role));
  }
}

// Spelled out again, so that a slip in the table shows.
TEST(CallRolesTest, EachCallIsForThoseWhoNeedIt) {
  EXPECT_EQ(RolesOf(Call::kDeclareModel).ToString("and"), "admin");
  // Whoever may bring a node may take it away.
  for (const Call call : {Call::kRegisterNode, Call::kHeartbeat, Call::kDrainNode,
                          Call::kUndrainNode, Call::kRemoveNode}) {
    EXPECT_EQ(RolesOf(call).ToString("and"), "decode and admin") << Name(call);
  }
  EXPECT_EQ(RolesOf(Call::kPlace).ToString("and"), "frontend and admin");
  EXPECT_EQ(RolesOf(Call::kPushSignature).ToString("or"), "prefill, frontend or admin");
  EXPECT_EQ(RolesOf(Call::kReleaseLease).ToString("or"), "decode, frontend or admin");
  EXPECT_EQ(RolesOf(Call::kExplainPlacement).ToString("and"), "admin and read");
}

TEST(CallRolesTest, StreamsAreForWhomTheirUnaryCallsAreFor) {
  const auto same = [](Call one, Call other) {
    EXPECT_EQ(RolesOf(one).ToString(""), RolesOf(other).ToString("")) << Name(one);
  };
  same(Call::kStreamSignatures, Call::kPushSignature);
  same(Call::kStreamPlacements, Call::kPlace);
  same(Call::kStreamHeartbeats, Call::kHeartbeat);
  same(Call::kRenewLeases, Call::kRenewLease);
  same(Call::kReleaseLeases, Call::kReleaseLease);
}

TEST(CallRolesTest, CallsThatChangeTheFleetAreAudited) {
  std::set<std::string> audited;
  for (std::size_t i = 0; i < kCalls; ++i) {
    if (IsAdministrative(CallAt(i))) audited.insert(std::string(Name(CallAt(i))));
  }
  EXPECT_EQ(audited, (std::set<std::string>{"DeclareModel", "DrainNode", "RegisterNode",
                                            "RemoveNode", "UndrainNode"}));
}

}  // namespace
}  // namespace eldr
