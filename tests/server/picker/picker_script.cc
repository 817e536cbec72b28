#include "tests/server/picker/picker_script.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace eldr::picker {
namespace {

using envoy::service::ext_proc::v3::CommonResponse;
using envoy::service::ext_proc::v3::HttpBody;
using envoy::service::ext_proc::v3::HttpHeaders;
using envoy::service::ext_proc::v3::ProtocolConfiguration;

using Words = std::vector<std::string>;

BodyMode ModeOf(const std::string& name) {
  BodyMode mode;
  if (!ProtocolConfiguration::BodySendMode_Parse(name, &mode)) {
    throw std::invalid_argument("no such mode: " + name);
  }
  return mode;
}

void ReadHeaders(const Words& words, ProcessingRequest* message, HttpHeaders* headers) {
  for (std::size_t i = 2; i < words.size(); ++i) {
    const std::vector<std::string> pair = absl::StrSplit(words[i], absl::MaxSplits('=', 1));
    if (words[i] == "eos") {
      headers->set_end_of_stream(true);
    } else if (words[i] == "observed") {
      message->set_observability_mode(true);
    } else if (pair[0] == "modes") {
      const std::vector<std::string> modes = absl::StrSplit(pair[1], '/');
      message->mutable_protocol_config()->set_request_body_mode(ModeOf(modes[0]));
      message->mutable_protocol_config()->set_response_body_mode(ModeOf(modes[1]));
    } else if (pair[0] == "subset" || pair[0] == "served") {
      auto& filters = *message->mutable_metadata_context()->mutable_filter_metadata();
      auto& fields =
          *filters[pair[0] == "subset" ? "envoy.lb.subset_hint" : "envoy.lb"].mutable_fields();
      fields["x-gateway-destination-endpoint-" + pair[0]].set_string_value(pair[1]);
    } else {
      auto* const header = headers->mutable_headers()->add_headers();
      header->set_key(pair[0]);
      header->set_raw_value(pair[1]);
    }
  }
}

void ReadBody(const Words& words, HttpBody* body) {
  for (std::size_t i = 2; i < words.size(); ++i) {
    std::size_t size = 0;
    if (words[i] == "eos") {
      body->set_end_of_stream(true);
    } else if (words[i][0] == '*' && absl::SimpleAtoi(words[i].substr(1), &size)) {
      body->set_body(std::string(size, 'x'));
    } else {
      body->set_body(words[i]);
    }
  }
}

ProcessingRequest MessageOf(const Words& words) {
  ProcessingRequest message;
  const std::string& kind = words[1];
  if (kind == "request_headers") ReadHeaders(words, &message, message.mutable_request_headers());
  if (kind == "response_headers") ReadHeaders(words, &message, message.mutable_response_headers());
  if (kind == "request_body") ReadBody(words, message.mutable_request_body());
  if (kind == "response_body") ReadBody(words, message.mutable_response_body());
  if (kind == "request_trailers") message.mutable_request_trailers();
  if (kind == "response_trailers") message.mutable_response_trailers();
  if (kind != "unknown" && message.request_case() == ProcessingRequest::REQUEST_NOT_SET) {
    throw std::invalid_argument("no such message: " + kind);
  }
  return message;
}

std::string TextOf(const CommonResponse& common, const ProcessingResponse& response) {
  std::string text;
  for (const auto& option : common.header_mutation().set_headers()) {
    const auto& balancer = response.dynamic_metadata().fields().at("envoy.lb").struct_value();
    absl::StrAppend(&text, " to=", option.header().raw_value(),
                    " metadata=", balancer.fields().at(option.header().key()).string_value());
  }
  if (common.clear_route_cache()) absl::StrAppend(&text, " new_route");
  if (common.body_mutation().has_streamed_response()) {
    const auto& part = common.body_mutation().streamed_response();
    const bool filled = part.body().size() > 60;
    absl::StrAppend(&text, " ", filled ? absl::StrCat("*", part.body().size()) : part.body());
    if (part.end_of_stream()) absl::StrAppend(&text, part.body().empty() ? "eos" : " eos");
  }
  return text;
}

}  // namespace

void ScriptRun::Do(const std::string& line) {
  const Words words = absl::StrSplit(line, ' ');
  const std::string& kind = words.at(1);
  std::uint64_t lease = 0;
  if (kind == "picked") {
    if (open_picks_ == 0) return;  // a reordered script may say so before there is a question
    --open_picks_;
    if (!absl::SimpleAtoi(words.at(3), &lease)) throw std::invalid_argument(line);
    if (lease != 0) leases_[lease] = 0;
    stream_.OnPicked(Pick{words[2], "r", lease});
  } else if (kind == "not_picked") {
    if (open_picks_ == 0) return;
    --open_picks_;
    absl::StatusCode code = absl::StatusCode::kUnavailable;
    if (words.at(2) == "saturated") code = absl::StatusCode::kResourceExhausted;
    stream_.OnPicked(absl::Status(code, words[2]));
  } else if (kind == "deadline") {
    stream_.OnDeadline();
  } else if (kind == "end") {
    stream_.OnEnd();
  } else {
    stream_.OnMessage(MessageOf(words));
  }
}

void ScriptRun::Send(ProcessingResponse response) {
  switch (response.response_case()) {
    case ProcessingResponse::kRequestHeaders:
      return Write("request_headers" + TextOf(response.request_headers().response(), response));
    case ProcessingResponse::kResponseHeaders:
      return Write("response_headers" + TextOf(response.response_headers().response(), response));
    case ProcessingResponse::kRequestBody:
      return Write("request_body" + TextOf(response.request_body().response(), response));
    case ProcessingResponse::kResponseBody:
      return Write("response_body" + TextOf(response.response_body().response(), response));
    case ProcessingResponse::kRequestTrailers:
      return Write("request_trailers");
    case ProcessingResponse::kResponseTrailers:
      return Write("response_trailers");
    case ProcessingResponse::kImmediateResponse:
      return Write(absl::StrCat("immediate ", response.immediate_response().status().code(), " ",
                                response.immediate_response().details()));
    case ProcessingResponse::RESPONSE_NOT_SET:
      return Write("nothing");
  }
}

void ScriptRun::StartPick(const PickQuery& query) {
  ++open_picks_;
  const char* const profiles[] = {"prefill", "decode", "whole"};
  std::string text = absl::StrCat("pick ", profiles[static_cast<int>(query.profile)],
                                  " request=", query.request_id, " model=", query.model);
  if (query.subset) absl::StrAppend(&text, " subset=", absl::StrJoin(*query.subset, ","));
  if (!query.lease) absl::StrAppend(&text, " no_lease");
  Write(text);
}

void ScriptRun::Move(const Pick& pick, const std::string& endpoint) {
  Write(absl::StrCat("move ", pick.endpoint, " ", endpoint));
}

void ScriptRun::Release(const Pick& pick, ReleaseCause cause) {
  ++leases_.at(pick.lease_id);
  Write(absl::StrCat("release ", pick.lease_id, " ", Name(cause)));
}

void ScriptRun::Harvest(const PickQuery& query, const std::string& body) {
  Write(absl::StrCat("harvest ", query.request_id, " ", body));
}

std::vector<Script> Scripts() {
  const char* const root = std::getenv("ELDR_SOURCE_DIR");
  if (root == nullptr) throw std::runtime_error("ELDR_SOURCE_DIR is not set");
  std::vector<Script> scripts;
  const std::string folder = std::string(root) + "/tests/server/picker/scripts";
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    Script script{entry.path().stem().string(), {}, {}};
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      if (line.empty() || line[0] == '#') continue;
      script.text += line + "\n";
      if (absl::StartsWith(line, "> ")) script.inputs.push_back(line);
    }
    scripts.push_back(std::move(script));
  }
  std::sort(scripts.begin(), scripts.end(),
            [](const Script& a, const Script& b) { return a.name < b.name; });
  return scripts;
}

}  // namespace eldr::picker
