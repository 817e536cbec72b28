// eldrctl health
#include <google/protobuf/struct.pb.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "client/ctl/command.h"
#include "client/ctl/print.h"

namespace eldr::ctl {
namespace {

const char* HealthText(client::Health health) {
  switch (health) {
    case client::Health::kServing:
      return "serving";
    case client::Health::kNotServing:
      return "not_serving";
    case client::Health::kUnknown:
      break;
  }
  return "unknown";
}

absl::Status Check(Session& session, const std::vector<std::string>& services) {
  google::protobuf::Struct json;
  Table table({"SERVICE", "HEALTH"});
  std::string bad;
  for (const std::string& service : services) {
    const absl::StatusOr<client::Health> health = session.client.CheckHealth(service);
    if (!health.ok()) return health.status();
    const std::string text = HealthText(*health);
    const std::string name = service.empty() ? "all" : service;
    (*json.mutable_fields())[name].set_string_value(text);
    table.AddRow({name, text});
    if (*health != client::Health::kServing) absl::StrAppend(&bad, bad.empty() ? "" : ", ", name);
  }
  if (session.format == Format::kJson) {
    if (absl::Status status = PrintJson(json, session.out); !status.ok()) return status;
  } else {
    table.Print(session.out);
  }
  return bad.empty() ? absl::OkStatus()
                     : absl::UnavailableError(absl::StrCat("not serving: ", bad));
}

Runner DefineHealth(CLI::App& app) {
  auto service = std::make_shared<std::string>();
  app.add_option("SERVICE", *service, "all, liveness or readiness [each of them]");
  return [service](Session& session) {
    if (service->empty()) return Check(session, {"", "liveness", "readiness"});
    return Check(session, {*service == "all" ? "" : *service});
  };
}

constexpr Command kHealthCommands[] = {
    {"", "health", "Ask the daemon whether it lives and is ready",
     "Exits with 1 if anything asked for is not serving, so it can be a probe.\n"
     "Examples:\n"
     "  eldrctl health\n"
     "  eldrctl health readiness --timeout 1s",
     DefineHealth},
};

}  // namespace

absl::Span<const Command> HealthCommands() { return kHealthCommands; }

}  // namespace eldr::ctl
