// eldrctl renew|release
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "client/ctl/command.h"
#include "client/ctl/print.h"
#include "client/ctl/signature_source.h"
#include "client/flags/duration_option.h"
#include "client/src/proto_duration.h"

namespace eldr::ctl {
namespace {

struct LeaseOptions {
  std::vector<std::string> request_ids;
  std::string model;
  uint64_t lease_id = 0;
};

void AddLeaseOptions(CLI::App& app, LeaseOptions& o) {
  app.add_option("REQUEST", o.request_ids, "The request's id; several make one batch call")
      ->required();
  app.add_option("--model", o.model, "The requests' model")->envname("ELDR_MODEL")->required();
  app.add_option("--lease-id", o.lease_id, "The lease's id; 0: whichever it holds [0]");
}

v1::LeaseKey KeyOf(const LeaseOptions& o, const std::string& request_id) {
  v1::LeaseKey key;
  key.set_model(o.model);
  key.set_request_id(request_id);
  key.set_lease_id(o.lease_id);
  return key;
}

std::string OutcomeText(v1::LeaseOutcome outcome) {
  return EnumText(v1::LeaseOutcome_Name(outcome), "LEASE_OUTCOME_");
}

// Prints the results of a batch; an error if any element was refused.
template <typename Response>
absl::Status PrintBatch(Session& session, const LeaseOptions& o, const Response& response) {
  int refused = 0;
  Table table({"REQUEST", "OUTCOME"});
  for (int i = 0; i < response.results_size(); ++i) {
    const v1::LeaseResult& result = response.results(i);
    if (result.has_error()) ++refused;
    table.AddRow({o.request_ids.at(static_cast<std::size_t>(i)),
                  result.has_error() ? result.error().message() : OutcomeText(result.outcome())});
  }
  if (session.format == Format::kJson) {
    if (absl::Status status = PrintJson(response, session.out); !status.ok()) return status;
  } else {
    table.Print(session.out);
  }
  if (refused == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(refused, " of ", response.results_size(), " were refused"));
}

struct RenewOptions {
  LeaseOptions lease;
  std::optional<absl::Duration> ttl;
};

absl::Status Renew(Session& session, const RenewOptions& o) {
  v1::RenewLeasesRequest batch;
  for (const std::string& id : o.lease.request_ids) {
    v1::RenewLeaseRequest& request = *batch.add_renewals();
    *request.mutable_lease() = KeyOf(o.lease, id);
    if (o.ttl) *request.mutable_lease_ttl() = client::internal::ToProto(*o.ttl);
  }
  if (batch.renewals_size() > 1) {
    const auto response = session.client.RenewLeases(batch);
    if (!response.ok()) return response.status();
    return PrintBatch(session, o.lease, *response);
  }
  const auto response = session.client.RenewLease(batch.renewals(0));
  if (!response.ok()) return response.status();
  if (session.format == Format::kJson) return PrintJson(*response, session.out);
  session.out << o.lease.request_ids[0] << ": " << OutcomeText(response->outcome());
  if (response->has_lease_ttl()) session.out << ", lives " << DurationText(response->lease_ttl());
  session.out << "\n";
  return absl::OkStatus();
}

Runner DefineRenew(CLI::App& app) {
  auto o = std::make_shared<RenewOptions>();
  AddLeaseOptions(app, o->lease);
  flags::AddDuration(app, "--lease-ttl", o->ttl, "A new time to live, 1s to 1h [the lease's own]");
  return [o](Session& session) { return Renew(session, *o); };
}

struct ReleaseOptions {
  LeaseOptions lease;
  std::optional<uint64_t> output_tokens;
  SignatureSource decode_counts;
};

absl::Status Release(Session& session, const ReleaseOptions& o) {
  v1::ReleaseLeasesRequest batch;
  for (const std::string& id : o.lease.request_ids) {
    v1::ReleaseLeaseRequest& request = *batch.add_releases();
    *request.mutable_lease() = KeyOf(o.lease, id);
    if (o.output_tokens) request.set_output_tokens(*o.output_tokens);
  }
  if (batch.releases_size() > 1) {
    if (o.decode_counts.IsGiven()) {
      return absl::InvalidArgumentError(
          "decode counts belong to one request, but several are named; expected one REQUEST");
    }
    const auto response = session.client.ReleaseLeases(batch);
    if (!response.ok()) return response.status();
    return PrintBatch(session, o.lease, *response);
  }
  v1::ReleaseLeaseRequest& request = *batch.mutable_releases(0);
  if (o.decode_counts.IsGiven()) {
    auto counts = LoadSignature(o.decode_counts, o.lease.model, session.client);
    if (!counts.ok()) return counts.status();
    *request.mutable_decode_counts() = *std::move(counts);
  }
  const auto response = session.client.ReleaseLease(request);
  if (!response.ok()) return response.status();
  if (session.format == Format::kJson) return PrintJson(*response, session.out);
  session.out << o.lease.request_ids[0] << ": " << OutcomeText(response->outcome()) << "\n";
  return absl::OkStatus();
}

Runner DefineRelease(CLI::App& app) {
  auto o = std::make_shared<ReleaseOptions>();
  AddLeaseOptions(app, o->lease);
  app.add_option("--output-tokens", o->output_tokens, "The tokens the request generated");
  AddSignatureOptions(app, o->decode_counts, SignatureNeed::kOptional);
  return [o](Session& session) { return Release(session, *o); };
}

constexpr Command kLeaseCommands[] = {
    {"", "renew", "Renew the leases of requests",
     "Prints done, not_held (the lease has ended: place again) or stale (another lease is held).\n"
     "Examples:\n"
     "  eldrctl renew r1 --model m --lease-ttl 10m\n"
     "  eldrctl renew r1 r2 r3 --model m",
     DefineRenew},
    {"", "release", "Release the leases of requests that are done",
     "Safe to repeat: not_held and stale also mean that the named lease is not held now. What the\n"
     "decode activated may be given in the forms of `eldrctl push-signature --help`.\n"
     "Examples:\n"
     "  eldrctl release r1 --model m --output-tokens 512\n"
     "  eldrctl release r1 --model m --routed-experts r1.npy --rows 64:576\n"
     "  eldrctl release r1 r2 r3 --model m",
     DefineRelease},
};

}  // namespace

absl::Span<const Command> LeaseCommands() { return kLeaseCommands; }

}  // namespace eldr::ctl
