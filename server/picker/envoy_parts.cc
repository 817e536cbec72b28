#include "server/picker/envoy_parts.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace eldr::picker {
namespace {

using envoy::service::ext_proc::v3::StreamedBodyResponse;

// A value that filters told; nullptr if there is none.
const google::protobuf::Value* Told(const ProcessingRequest& message, const char* filter,
                                    const std::string& key) {
  const auto& filters = message.metadata_context().filter_metadata();
  const auto told = filters.find(filter);
  if (told == filters.end()) return nullptr;
  const auto value = told->second.fields().find(key);
  return value == told->second.fields().end() ? nullptr : &value->second;
}

void AddEndpoints(absl::string_view text, std::vector<std::string>* endpoints) {
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    const absl::string_view endpoint = absl::StripAsciiWhitespace(part);
    if (!endpoint.empty()) endpoints->emplace_back(endpoint);
  }
}

void SetHeader(absl::string_view name, absl::string_view value,
               envoy::service::ext_proc::v3::HeaderMutation* mutation) {
  envoy::config::core::v3::HeaderValueOption* const option = mutation->add_set_headers();
  option->mutable_header()->set_key(std::string(name));
  option->mutable_header()->set_raw_value(std::string(value));
  option->set_append_action(envoy::config::core::v3::HeaderValueOption::OVERWRITE_IF_EXISTS_OR_ADD);
}

}  // namespace

absl::string_view HeaderOf(const envoy::service::ext_proc::v3::HttpHeaders& headers,
                           absl::string_view name) {
  for (const auto& header : headers.headers().headers()) {
    if (!absl::EqualsIgnoreCase(header.key(), name)) continue;
    return header.raw_value().empty() ? header.value() : header.raw_value();
  }
  return {};
}

std::optional<std::vector<std::string>> SubsetOf(const ProcessingRequest& message) {
  const google::protobuf::Value* const hint =
      Told(message, "envoy.lb.subset_hint", "x-gateway-destination-endpoint-subset");
  if (hint == nullptr) return std::nullopt;
  std::vector<std::string> endpoints;
  AddEndpoints(hint->string_value(), &endpoints);
  for (const auto& value : hint->list_value().values()) {
    AddEndpoints(value.string_value(), &endpoints);
  }
  return endpoints;
}

std::string ServedOf(const ProcessingRequest& message) {
  const google::protobuf::Value* const served =
      Told(message, "envoy.lb", "x-gateway-destination-endpoint-served");
  return served == nullptr ? std::string() : served->string_value();
}

void SetDestination(const std::string& endpoint, ProcessingResponse* response,
                    envoy::service::ext_proc::v3::CommonResponse* common) {
  SetHeader(kDestination, endpoint, common->mutable_header_mutation());
  common->set_clear_route_cache(true);
  auto& balancer = (*response->mutable_dynamic_metadata()->mutable_fields())["envoy.lb"];
  (*balancer.mutable_struct_value()->mutable_fields())[std::string(kDestination)].set_string_value(
      endpoint);
}

ProcessingResponse Immediate(int code, absl::string_view reason, absl::string_view message) {
  ProcessingResponse response;
  auto* const immediate = response.mutable_immediate_response();
  immediate->mutable_status()->set_code(code);
  SetHeader("x-llm-d-request-dropped-reason", reason, immediate->mutable_headers());
  immediate->set_body(std::string(message) + "\n");
  immediate->set_details(std::string(reason));
  return response;
}

std::vector<StreamedBodyResponse> Cut(absl::string_view body, bool end_of_stream) {
  std::vector<StreamedBodyResponse> parts;
  while (!body.empty()) {
    const absl::string_view part = body.substr(0, kMaxChunk);
    parts.emplace_back().set_body(std::string(part));
    body.remove_prefix(part.size());
  }
  if (parts.empty() && end_of_stream) parts.emplace_back();
  if (end_of_stream) parts.back().set_end_of_stream(true);
  return parts;
}

}  // namespace eldr::picker
