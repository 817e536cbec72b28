#include "server/config/config_field.h"

#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/policy/policy_factory.h"
#include "server/config/listen_address.h"

namespace eldr {
namespace {

// In YAML's own escapes, which are not those of C: "\000" is a zero and two digits there, and "\'"
// is refused.
std::string Quoted(absl::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      absl::StrAppend(&quoted, "\\x", absl::Hex(byte, absl::kZeroPad2));
      continue;
    }
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

std::string QuotedList(const std::vector<std::string>& values) {
  const auto quote = [](std::string* out, const std::string& value) {
    absl::StrAppend(out, Quoted(value));
  };
  return absl::StrCat("[", absl::StrJoin(values, ", ", quote), "]");
}

// The fewest digits that read back as the same number.
std::string Shortest(double number) {
  char buffer[32];
  const auto end = std::to_chars(std::begin(buffer), std::end(buffer), number).ptr;
  return std::string(buffer, end);
}

ConfigField Flag(std::string path, bool& value) {
  return {.path = std::move(path),
          .expected = "true or false",
          .set =
              [&value](const std::string& text) {
                if (text != "true" && text != "false") return false;
                value = text == "true";
                return true;
              },
          .print = [&value] { return std::string(value ? "true" : "false"); },
          .clear = nullptr};
}

template <typename Integer>
ConfigField Whole(std::string path, Integer& value, std::uint64_t least, std::uint64_t most) {
  return {.path = std::move(path),
          .expected = most == std::numeric_limits<std::uint64_t>::max()
                          ? absl::StrCat("a whole number of at least ", least)
                          : absl::StrCat("a whole number of ", least, " to ", most),
          .set =
              [&value, least, most](const std::string& text) {
                std::uint64_t number = 0;
                if (!absl::SimpleAtoi(text, &number) || number < least || number > most) {
                  return false;
                }
                value = static_cast<Integer>(number);
                return true;
              },
          .print = [&value] { return absl::StrCat(value); },
          .clear = nullptr};
}

template <typename Integer>
ConfigField Size(std::string path, Integer& value, std::uint64_t least, std::uint64_t most) {
  return {.path = std::move(path),
          .expected = absl::StrCat("a size of ", FormatSize(least), " to ", FormatSize(most),
                                   ", such as 4MiB"),
          .set =
              [&value, least, most](const std::string& text) {
                std::uint64_t bytes = 0;
                if (!ParseSize(text, &bytes) || bytes < least || bytes > most) return false;
                value = static_cast<Integer>(bytes);
                return true;
              },
          .print = [&value] { return FormatSize(value); },
          .clear = nullptr};
}

ConfigField Time(std::string path, absl::Duration& value, absl::Duration least,
                 absl::Duration most) {
  return {.path = std::move(path),
          .expected = absl::StrCat("a duration of ", absl::FormatDuration(least), " to ",
                                   absl::FormatDuration(most), ", such as 500ms, 10s or 10m"),
          .set =
              [&value, least, most](const std::string& text) {
                absl::Duration duration;
                if (!ParseDurationText(text, &duration) || duration < least || duration > most) {
                  return false;
                }
                value = duration;
                return true;
              },
          .print = [&value] { return absl::FormatDuration(value); },
          .clear = nullptr};
}

// A number for which `allowed` holds.
ConfigField Real(std::string path, double& value, std::string expected, bool (*allowed)(double)) {
  return {
      .path = std::move(path),
      .expected = std::move(expected),
      .set =
          [&value, allowed](const std::string& text) {
            double number = 0;
            if (!absl::SimpleAtod(text, &number) || !std::isfinite(number) || !allowed(number)) {
              return false;
            }
            value = number;
            return true;
          },
      .print = [&value] { return Shortest(value); },
      .clear = nullptr};
}

ConfigField Choice(std::string path, std::string& value, std::vector<absl::string_view> choices) {
  const bool optional = choices.front().empty();
  return {.path = std::move(path),
          .expected =
              absl::StrCat(optional ? "nothing or one of " : "one of ",
                           absl::StrJoin(absl::MakeSpan(choices).subspan(optional ? 1 : 0), ", ")),
          .set =
              [&value, choices = std::move(choices)](const std::string& text) {
                for (const absl::string_view choice : choices) {
                  if (text == choice) {
                    value = text;
                    return true;
                  }
                }
                return false;
              },
          .print = [&value] { return value.empty() ? Quoted(value) : value; },
          .clear = nullptr};
}

ConfigField Name(std::string path, std::string& value) {
  return {.path = std::move(path),
          .expected = "a name of 1 to 256 bytes",
          .set =
              [&value](const std::string& text) {
                if (text.empty() || text.size() > 256) return false;
                value = text;
                return true;
              },
          .print = [&value] { return Quoted(value); },
          .clear = nullptr};
}

// Any text; empty means none.
ConfigField Text(std::string path, std::string& value, std::string expected) {
  return {.path = std::move(path),
          .expected = std::move(expected),
          .set =
              [&value](const std::string& text) {
                value = text;
                return true;
              },
          .print = [&value] { return Quoted(value); },
          .clear = nullptr};
}

// "" and the names of the policies.
std::vector<absl::string_view> ShadowNames() {
  std::vector<absl::string_view> names = PolicyNames();
  names.insert(names.begin(), "");
  return names;
}

constexpr char kAddressExpected[] = "HOST:PORT with a port of 0 to 65535, [IPV6]:PORT or unix:PATH";

ConfigField Addresses(std::string path, std::vector<std::string>& values) {
  return {.path = std::move(path),
          .expected = kAddressExpected,
          .set =
              [&values](const std::string& text) {
                if (!ParseListenAddress(text).ok()) return false;
                values.push_back(text);
                return true;
              },
          .print = [&values] { return QuotedList(values); },
          .clear = [&values] { values.clear(); }};
}

// A list of paths or names.
ConfigField Texts(std::string path, std::vector<std::string>& values, std::string expected) {
  return {.path = std::move(path),
          .expected = std::move(expected),
          .set =
              [&values](const std::string& text) {
                if (text.empty()) return false;
                values.push_back(text);
                return true;
              },
          .print = [&values] { return QuotedList(values); },
          .clear = [&values] { values.clear(); }};
}

ConfigField TcpAddress(std::string path, std::string& value) {
  return {.path = std::move(path),
          .expected = "HOST:PORT with a port of 0 to 65535 or [IPV6]:PORT",
          .set =
              [&value](const std::string& text) {
                const auto address = ParseListenAddress(text);
                if (!address.ok() || address->unix_socket) return false;
                value = text;
                return true;
              },
          .print = [&value] { return Quoted(value); },
          .clear = nullptr};
}

ConfigField Layers(std::string path, std::vector<std::uint32_t>& values) {
  return {.path = std::move(path),
          .expected = "a list of ascending hidden layer numbers",
          .set =
              [&values](const std::string& text) {
                std::uint32_t layer = 0;
                if (!absl::SimpleAtoi(text, &layer)) return false;
                if (!values.empty() && layer <= values.back()) return false;
                values.push_back(layer);
                return true;
              },
          .print = [&values] { return absl::StrCat("[", absl::StrJoin(values, ", "), "]"); },
          .clear = [&values] { values.clear(); }};
}

// The keys of a policy, under "default_policy." or in a model.
void AddPolicyFields(const std::string& prefix, PolicySettings& settings,
                     std::vector<ConfigField>& fields) {
  const auto positive = [](double number) { return number > 0 && number <= 1e6; };
  const auto not_negative = [](double number) { return number >= 0 && number <= 1e6; };
  const auto believable = [](double number) { return number > 0 && number <= 0.98; };
  EstimateParameters& estimate = settings.estimate;
  StepTimeShape& step = settings.step_time;
  const absl::Duration most = absl::Hours(1);
  fields.push_back(Choice(prefix + "policy", settings.policy, PolicyNames()));
  fields.push_back(Choice(prefix + "shadow_policy", settings.shadow_policy, ShadowNames()));
  fields.push_back(
      Real(prefix + "kappa", estimate.kappa, "a number greater than 0, at most 1000000", positive));
  fields.push_back(
      Real(prefix + "p_max", estimate.p_max, "a number greater than 0, at most 0.98", believable));
  fields.push_back(
      Real(prefix + "n0", estimate.n0, "a number greater than 0, at most 1000000", positive));
  fields.push_back(Real(prefix + "w", settings.w, "a number of 0 to 1000000", not_negative));
  fields.push_back(Time(prefix + "step_time.base", step.base, absl::ZeroDuration(), most));
  fields.push_back(
      Time(prefix + "step_time.all_experts", step.all_experts, absl::ZeroDuration(), most));
  fields.push_back(
      Time(prefix + "step_time.per_request", step.per_request, absl::ZeroDuration(), most));
  fields.push_back(Time(prefix + "step_time.per_context_token", step.per_context_token,
                        absl::ZeroDuration(), most));
  const auto cosine_range = [](double number) { return number >= 0 && number <= 2; };
  LocalityBandSettings& band = settings.locality_band;
  const std::string section = prefix + "locality_band.";
  const absl::Duration least = absl::Milliseconds(100);
  fields.push_back(Real(section + "tau", band.tau, "a number of 0 to 2", cosine_range));
  fields.push_back(Flag(section + "seeded_ties", band.seeded_ties));
  fields.push_back(Time(section + "window", band.window, least, most));
  fields.push_back(Time(section + "refit_interval", band.refit_interval, least, most));
  fields.push_back(Text(section + "profile", band.profile_path, "the path of a profile"));
}

void AddTlsFields(TlsConfig& tls, std::vector<ConfigField>& fields) {
  const std::string path = "the path of a file in PEM";
  fields.push_back(Text("tls.certificate", tls.certificate, path));
  fields.push_back(Text("tls.key", tls.key, path));
  fields.push_back(Text("tls.client_ca", tls.client_ca, path));
  fields.push_back(
      Choice("tls.client_certificates", tls.client_certificates, {"required", "optional"}));
}

void AddAuthFields(AuthConfig& auth, std::vector<ConfigField>& fields) {
  const auto add = [&fields](const std::string& section, const std::string& expected,
                             std::array<std::vector<std::string>, kRoles>& values) {
    for (std::size_t i = 0; i < kRoles; ++i) {
      const absl::string_view role = Name(static_cast<Role>(i));
      fields.push_back(Texts(absl::StrCat(section, role), values[i], expected));
    }
  };
  add("auth.tokens.", "paths of files of tokens", auth.tokens);
  add("auth.certificates.", "names of client certificates", auth.certificates);
}

void AddLimitFields(Router::Options& router, CallLimitsConfig& limits,
                    std::vector<ConfigField>& fields) {
  constexpr std::uint64_t kMany = 10'000'000;
  constexpr std::uint64_t kMiB = 1 << 20;
  fields.push_back(Whole("limits.models", router.max_models, 1, 1024));
  fields.push_back(Whole("limits.nodes_per_model", router.max_nodes_per_model, 1, 65'536));
  fields.push_back(Whole("limits.leases_per_model", router.max_leases_per_model, 1, 100'000'000));
  fields.push_back(Whole("limits.calls", limits.calls, 1, kMany));
  fields.push_back(Whole("limits.streams", limits.streams, 1, kMany));
  fields.push_back(Whole("limits.streams_per_peer", limits.streams_per_peer, 1, kMany));
  fields.push_back(Whole("limits.waits", limits.waits, 1, kMany));
  fields.push_back(Whole("limits.waits_per_peer", limits.waits_per_peer, 1, kMany));
  fields.push_back(Size("limits.wait_bytes", limits.wait_bytes, 64 << 10, kMiB << 20));
  fields.push_back(
      Time("limits.queue_wait", limits.queue_wait, absl::Milliseconds(1), absl::Minutes(1)));
  fields.push_back(Whole("limits.concurrent_placements", limits.concurrent_placements, 0, 1024));
}

}  // namespace

std::vector<ConfigField> FieldsOf(Config& config) {
  constexpr auto kNoLimit = std::numeric_limits<std::uint64_t>::max();
  constexpr std::uint64_t kMiB = 1 << 20;
  Router::Options& router = config.router;
  const auto share = [](double number) { return number > 0 && number <= 1; };
  std::vector<ConfigField> fields = {
      Addresses("grpc.listen", config.grpc.listen),
      Flag("grpc.insecure", config.grpc.insecure),
      Flag("grpc.reflection", config.grpc.reflection),
      Size("grpc.max_message_bytes", config.grpc.max_message_bytes, 64 << 10, 256 * kMiB),
      Size("grpc.max_metadata_bytes", config.grpc.max_metadata_bytes, 8 << 10, kMiB),
      Whole("grpc.max_concurrent_streams", config.grpc.max_concurrent_streams, 1, 1'000'000),
      Time("grpc.keepalive_time", config.grpc.keepalive_time, absl::Seconds(1), absl::Hours(2)),
      Size("grpc.max_transport_bytes", config.grpc.max_transport_bytes, 16 * kMiB, kMiB << 20),
      TcpAddress("http.listen", config.http.listen),
      Flag("http.insecure", config.http.insecure),
      Flag("http.tls", config.http.tls),
      Text("http.token_file", config.http.token_file, "the path of a file of tokens"),
      Whole("seed", router.seed, 0, kNoLimit),
      Time("lease_ttl", router.lease_ttl, absl::Seconds(1), absl::Hours(1)),
      Time("signature_ttl", router.signature_ttl, absl::Seconds(1), absl::Hours(1)),
      Size("signature_store_bytes", router.signature_store_bytes, kMiB, kMiB << 20),
      Size("block_store_bytes", router.block_store_bytes, kMiB, kMiB << 20),
      Time("node_timeout", router.node_timeout, absl::Milliseconds(100), absl::Hours(1)),
      Time("confirm_grace", router.confirm_grace, absl::Seconds(1), absl::Hours(1)),
      Real("max_kv_usage", router.max_kv_usage, "a number greater than 0, at most 1", share),
      Whole("receipts", router.receipts, 0, 1'000'000),
      Time("shutdown_delay", config.shutdown_delay, absl::ZeroDuration(), absl::Hours(1)),
      Time("drain_timeout", config.drain_timeout, absl::ZeroDuration(), absl::Hours(1)),
      Time("credential_reload_interval", config.credential_reload_interval, absl::Seconds(1),
           absl::Hours(1)),
      Choice("log.level", config.log.level, {"debug", "info", "warning", "error"}),
      Choice("log.format", config.log.format, {"text", "json"}),
      Flag("log.requests", config.log.requests),
      Text("state_dir", config.state.directory, "the path of a directory"),
      Choice("state_sync", config.state.sync, {"always", "interval", "never"}),
      Time("state_sync_interval", config.state.sync_interval, absl::Milliseconds(1),
           absl::Minutes(1)),
      Text("capture.directory", config.capture.directory, "the path of a directory"),
      Real("capture.share", config.capture.share, "a number greater than 0, at most 1", share),
      Size("capture.file_bytes", config.capture.file_bytes, kMiB, kMiB << 10),
      Size("capture.max_bytes", config.capture.max_bytes, kMiB, kMiB << 20),
      Text("event_log.directory", config.event_log.directory, "the path of a directory"),
      Size("event_log.file_bytes", config.event_log.file_bytes, kMiB, kMiB << 10),
      Size("event_log.max_bytes", config.event_log.max_bytes, kMiB, kMiB << 20),
  };
  AddTlsFields(config.tls, fields);
  AddAuthFields(config.auth, fields);
  AddLimitFields(router, config.limits, fields);
  AddPolicyFields("default_policy.", config.default_policy, fields);
  return fields;
}

std::vector<ConfigField> FieldsOf(ModelSpec& model) {
  constexpr auto kMost = std::numeric_limits<std::uint32_t>::max();
  std::vector<ConfigField> fields = {
      Name("name", model.name),
      // Their ranges and how they fit together are core's to judge.
      Whole("layers", model.geometry.layers, 0, kMost),
      Whole("experts", model.geometry.experts, 0, kMost),
      Whole("top_k", model.geometry.top_k, 0, kMost),
      Layers("moe_hidden_layers", model.geometry.moe_hidden_layers),
  };
  AddPolicyFields("", model.settings, fields);
  return fields;
}

}  // namespace eldr
