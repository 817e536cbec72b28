// Every call of every service, made with every role and with none.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/empty.pb.h>
#include <google/protobuf/unknown_field_set.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>
#include <httplib.h>

#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "server/auth/call_roles.h"
#include "tests/server/secured_daemon.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;
using Code = absl::StatusCode;

constexpr char kReflection[] = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
constexpr char kListServices[] = "\x3a";  // field 7 of the request, followed by an empty string

// Sends one message, be the method unary or a stream; answers how the call ended.
absl::Status Send(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                  const std::vector<std::string>& authorizations, const std::string& message = "",
                  std::string* answer = nullptr,
                  std::chrono::milliseconds timeout = std::chrono::seconds(10)) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  for (const std::string& value : authorizations) context.AddMetadata("authorization", value);
  const grpc::Slice slice(message);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer response;
  std::promise<grpc::Status> done;
  grpc::GenericStub stub(channel);
  stub.UnaryCall(&context, method, grpc::StubOptions(), &request, &response,
                 [&done](grpc::Status status) { done.set_value(std::move(status)); });
  const grpc::Status status = done.get_future().get();
  if (status.ok() && answer != nullptr) {
    std::vector<grpc::Slice> slices;
    EXPECT_TRUE(response.Dump(&slices).ok());
    for (const grpc::Slice& part : slices) answer->append(part.begin(), part.end());
  }
  return FromGrpc(status);
}

// The length-delimited fields of this number; reflection's own classes are not installed.
std::vector<std::string> FieldsOf(const std::string& message, int number) {
  google::protobuf::Empty parsed;
  EXPECT_TRUE(parsed.ParseFromString(message));
  std::vector<std::string> values;
  const auto& fields = parsed.GetReflection()->GetUnknownFields(parsed);
  for (int i = 0; i < fields.field_count(); ++i) {
    if (fields.field(i).number() == number) values.push_back(fields.field(i).length_delimited());
  }
  return values;
}

std::optional<Call> FindCall(const std::string& name) {
  for (std::size_t i = 0; i < kCalls; ++i) {
    if (Name(static_cast<Call>(i)) == name) return static_cast<Call>(i);
  }
  return std::nullopt;
}

class AuthorizationTest : public SecuredDaemonTest {
 protected:
  void SetUp() override { StartSecured(WithTokens(SecuredConfig())); }

  static std::string Bearer(Role role) { return absl::StrCat("Bearer ", TokenOf(role)); }

  // What the daemon serves, as it tells those who may ask.
  std::vector<std::string> Services() {
    std::string answer;
    EXPECT_THAT(Send(channel(), kReflection, {Bearer(Role::kRead)},
                     std::string(kListServices) + '\0', &answer),
                IsOk());
    std::vector<std::string> names;
    for (const std::string& list : FieldsOf(answer, 6)) {
      for (const std::string& service : FieldsOf(list, 1)) {
        for (const std::string& name : FieldsOf(service, 1)) names.push_back(name);
      }
    }
    return names;
  }

  // The methods of all services but those of gRPC itself.
  std::vector<const google::protobuf::MethodDescriptor*> Methods() {
    std::vector<const google::protobuf::MethodDescriptor*> methods;
    for (const std::string& name : Services()) {
      if (absl::StartsWith(name, "grpc.")) continue;
      const auto* const service =
          google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
      if (service == nullptr) {
        ADD_FAILURE() << name << " is not known to this test";
        continue;
      }
      for (int i = 0; i < service->method_count(); ++i) methods.push_back(service->method(i));
    }
    return methods;
  }

  static std::string PathOf(const google::protobuf::MethodDescriptor& method) {
    return absl::StrCat("/", method.service()->full_name(), "/", method.name());
  }
};

TEST_F(AuthorizationTest, NoCallIsForThoseWithoutACredential) {
  EXPECT_THAT(Services(), IsSupersetOf({"eldr.v1.PlacementService", "eldr.v1.FleetService",
                                        "eldr.v1.ModelService"}));
  int served = 0;
  for (const auto* const method : Methods()) {
    const absl::Status status = Send(channel(), PathOf(*method), {});
    // A method that nobody wrote yet does nothing for anybody.
    if (absl::IsUnimplemented(status) && !FindCall(method->name()).has_value()) continue;
    ++served;
    EXPECT_THAT(status, StatusIs(Code::kUnauthenticated, HasSubstr("Bearer TOKEN")))
        << method->full_name();
    EXPECT_TRUE(FindCall(method->name()).has_value()) << method->full_name();
  }
  EXPECT_GE(served, static_cast<int>(kCalls));
}

TEST_F(AuthorizationTest, EachRoleMayMakeItsCallsAndNoOther) {
  for (const auto* const method : Methods()) {
    const std::optional<Call> call = FindCall(method->name());
    if (!call.has_value()) continue;
    for (std::size_t i = 0; i < kRoles; ++i) {
      const Role role = static_cast<Role>(i);
      // A stream that only the daemon ends goes on for those who may open it.
      const bool endless = method->server_streaming() && !method->client_streaming();
      const auto timeout = endless && RolesOf(*call).Has(role) ? 300 : 10'000;
      const absl::Status status = Send(channel(), PathOf(*method), {Bearer(role)}, "", nullptr,
                                       std::chrono::milliseconds(timeout));
      SCOPED_TRACE(absl::StrCat(Name(role), " calls ", method->full_name()));
      if (RolesOf(*call).Has(role)) {
        EXPECT_FALSE(absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status)) << status;
      } else {
        EXPECT_THAT(status, StatusIs(Code::kPermissionDenied,
                                     AllOf(HasSubstr(method->name()),
                                           HasSubstr(absl::StrCat("role ", Name(role))))));
      }
    }
  }
}

TEST_F(AuthorizationTest, APrefillWorkerCannotDrainANode) {
  EXPECT_THAT(
      Drain(channel(), TokenOf(Role::kPrefill)),
      StatusIs(Code::kPermissionDenied,
               "DrainNode: got a credential of role prefill, expected role decode or admin"));
  EXPECT_THAT(Drain(channel(), TokenOf(Role::kAdmin)), StatusIs(Code::kNotFound));
}

TEST_F(AuthorizationTest, AWrongTokenIsRefusedWhateverItsForm) {
  const std::string good = TokenOf(Role::kAdmin);
  const std::string path = "/eldr.v1.ModelService/ListModels";
  for (const std::string& header :
       std::vector<std::string>{good, "Basic " + good, "Bearer", "Bearer ", "Bearer " + good + "x",
                                "Bearer " + good.substr(1), "Bearer " + std::string(6000, 'x')}) {
    EXPECT_THAT(Send(channel(), path, {header}), StatusIs(Code::kUnauthenticated))
        << header.substr(0, 40);
  }
  EXPECT_THAT(Send(channel(), path, {"bearer " + good}), IsOk());
  EXPECT_THAT(Send(channel(), path, {"Bearer " + good, "Bearer " + good}),
              StatusIs(Code::kUnauthenticated))
      << "which of two would count is for nobody to guess";
}

TEST_F(AuthorizationTest, ReflectionIsForReaders) {
  const std::string ask = std::string(kListServices) + '\0';
  EXPECT_THAT(Send(channel(), kReflection, {}, ask), StatusIs(Code::kCancelled));
  EXPECT_THAT(Send(channel(), kReflection, {Bearer(Role::kFrontend)}, ask),
              StatusIs(Code::kCancelled));
  EXPECT_THAT(Send(channel(), kReflection, {Bearer(Role::kRead)}, ask), IsOk());
  EXPECT_THAT(Send(channel(), kReflection, {Bearer(Role::kAdmin)}, ask), IsOk());
}

TEST_F(AuthorizationTest, HealthIsOpenToAll) {
  EXPECT_THAT(Send(channel(), "/grpc.health.v1.Health/Check", {}), IsOk());
}

TEST_F(AuthorizationTest, AReplacedTokenFileCountsUnderALiveDaemon) {
  ReplaceFile(TokenPath(Role::kRead), "another-token-for-readers\n" + TokenOf(Role::kRead) + "\n");
  EXPECT_TRUE(
      Eventually([this] { return ListModels(channel(), "another-token-for-readers").ok(); }));
  EXPECT_THAT(ListModels(channel(), TokenOf(Role::kRead)), IsOk())
      << "both serve while clients move";
  ReplaceFile(TokenPath(Role::kRead), "another-token-for-readers\n");
  EXPECT_TRUE(Eventually(
      [this] { return absl::IsUnauthenticated(ListModels(channel(), TokenOf(Role::kRead))); }));
  EXPECT_THAT(ListModels(channel(), "another-token-for-readers"), IsOk());
  // A file that went bad takes nobody's access away.
  ReplaceFile(TokenPath(Role::kRead), "short\n");
  ReplaceFile(TokenPath(Role::kAdmin), "another-token-for-admins\n");
  EXPECT_TRUE(
      Eventually([this] { return ListModels(channel(), "another-token-for-admins").ok(); }));
  EXPECT_THAT(ListModels(channel(), "another-token-for-readers"), IsOk());
  EXPECT_THAT(StopAndReadLog(),
              AllOf(HasSubstr("credentials_reloaded"), HasSubstr("credentials_not_reloaded"),
                    Not(HasSubstr("another-token")), Not(HasSubstr("sesame"))));
}

TEST_F(AuthorizationTest, SecretsAreNeitherPrintedNorLogged) {
  const Config config = WithTokens(SecuredConfig());
  EXPECT_THAT(PrintConfig(config),
              AllOf(HasSubstr(TokenPath(Role::kAdmin)), Not(HasSubstr("sesame"))));
  for (std::size_t i = 0; i < kRoles; ++i) {
    EXPECT_THAT(ListModels(channel(), TokenOf(static_cast<Role>(i))), IsOk());
  }
  EXPECT_FALSE(ListModels(channel(), "a-guess-of-someone-else").ok());
  EXPECT_THAT(StopAndReadLog(), AllOf(HasSubstr("call=ListModels"), Not(HasSubstr("sesame")),
                                      Not(HasSubstr("a-guess"))));
}

TEST_F(SecuredDaemonTest, ATokenFileThatIsMissingStopsTheStart) {
  Config config = SecuredConfig();
  config.auth.tokens[static_cast<std::size_t>(Role::kRead)] = {dir_ / "nowhere"};
  EXPECT_THAT(Daemon::Start(config, clock_, nullptr),
              StatusIs(Code::kInvalidArgument,
                       AllOf(HasSubstr("auth.tokens.read"), HasSubstr(dir_ / "nowhere"))));
}

TEST_F(SecuredDaemonTest, PagesCanNeedATokenAndHealthDoesNot) {
  Config config = SecuredConfig();
  config.http.token_file = dir_ / "http.token";
  ReplaceFile(config.http.token_file, "a-token-for-scrapes\n");
  StartSecured(config);
  EXPECT_EQ(Get("/livez"), "ok\n");
  EXPECT_EQ(Get("/readyz"), "ok\n");
  EXPECT_EQ(Get("/health"), "ok\n");
  EXPECT_EQ(Get("/metrics"), "status 401");
  EXPECT_EQ(Get("/"), "status 302") << "to the page, which asks for it";
  EXPECT_EQ(Get("/api/v1/overview"), "status 401");
  EXPECT_EQ(Get("/nothing"), "status 401") << "not even which pages there are";
  httplib::Client client("127.0.0.1", daemon_->http_address().port);
  const auto metrics = [&client](const std::string& token) {
    client.set_bearer_token_auth(token.c_str());
    const httplib::Result result = client.Get("/metrics");
    return result ? result->status : -1;
  };
  EXPECT_EQ(metrics("a-token-for-scrapes"), 200);
  EXPECT_EQ(metrics("a-token-for-scrapes2"), 401);
  ReplaceFile(config.http.token_file, "a-new-token-for-scrapes\n");
  EXPECT_TRUE(Eventually([&] { return metrics("a-new-token-for-scrapes") == 200; }));
  EXPECT_EQ(metrics("a-token-for-scrapes"), 401);
}

}  // namespace
}  // namespace eldr
