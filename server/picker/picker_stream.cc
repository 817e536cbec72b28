#include "server/picker/picker_stream.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/picker/body_model.h"
#include "server/picker/envoy_parts.h"

namespace eldr::picker {
namespace {

using envoy::service::ext_proc::v3::BodyResponse;
using envoy::service::ext_proc::v3::ProtocolConfiguration;

constexpr absl::string_view kBadRequest = "rejected-bad-request";
constexpr absl::string_view kNoEndpoints = "rejected-no-endpoints";
constexpr absl::string_view kSaturated = "rejected-saturated";

// Lets a part of the body of one side go on.
void PassBody(PickerActions& actions, BodyMode mode, absl::string_view body, bool end_of_stream,
              BodyResponse* (ProcessingResponse::*side)()) {
  if (mode != ProtocolConfiguration::FULL_DUPLEX_STREAMED) {
    ProcessingResponse response;
    (response.*side)()->mutable_response();
    return actions.Send(std::move(response));
  }
  for (auto& part : Cut(body, end_of_stream)) {
    ProcessingResponse response;
    *(response.*side)()->mutable_response()->mutable_body_mutation()->mutable_streamed_response() =
        std::move(part);
    actions.Send(std::move(response));
  }
}

}  // namespace

absl::string_view Name(ReleaseCause cause) {
  switch (cause) {
    case ReleaseCause::kFinished:
      return "finished";
    case ReleaseCause::kFailed:
      return "failed";
    case ReleaseCause::kConditional:
      return "conditional";
    case ReleaseCause::kGone:
      return "gone";
    case ReleaseCause::kLate:
      return "late";
  }
  return "unknown";
}

bool PickerStream::buffered() const {
  return request_mode_ == ProtocolConfiguration::BUFFERED ||
         request_mode_ == ProtocolConfiguration::BUFFERED_PARTIAL;
}

bool PickerStream::duplex_request() const {
  return request_mode_ == ProtocolConfiguration::FULL_DUPLEX_STREAMED;
}

void PickerStream::OnMessage(const ProcessingRequest& message) {
  if (phase_ == Phase::kOver) return;
  switch (message.request_case()) {
    case ProcessingRequest::kRequestHeaders:
      return OnRequestHeaders(message);
    case ProcessingRequest::kRequestBody:
      return OnRequestBody(message.request_body().body(), message.request_body().end_of_stream());
    case ProcessingRequest::kRequestTrailers:
      return OnRequestTrailers();
    case ProcessingRequest::kResponseHeaders:
      return OnResponseHeaders(message);
    case ProcessingRequest::kResponseBody:
      return OnResponseBody(message.response_body().body(),
                            message.response_body().end_of_stream());
    case ProcessingRequest::kResponseTrailers:
      return OnResponseTrailers();
    case ProcessingRequest::REQUEST_NOT_SET:
      return OutOfOrder("a message of no known kind");
  }
}

void PickerStream::ReadRequest(const ProcessingRequest& message) {
  const auto& headers = message.request_headers();
  request_mode_ = options_.request_mode;
  response_mode_ = options_.response_mode;
  if (message.has_protocol_config()) {
    request_mode_ = message.protocol_config().request_body_mode();
    response_mode_ = message.protocol_config().response_body_mode();
  }
  const absl::string_view profile = HeaderOf(headers, options_.profile_header);
  if (absl::EqualsIgnoreCase(profile, options_.prefill_profile)) {
    query_.profile = Profile::kPrefill;
  } else if (absl::EqualsIgnoreCase(profile, options_.decode_profile)) {
    query_.profile = Profile::kDecode;
  }
  query_.request_id = std::string(HeaderOf(headers, "x-request-id"));
  query_.model = options_.model.empty() ? std::string(HeaderOf(headers, options_.model_header))
                                        : options_.model;
  query_.subset = SubsetOf(message);
}

void PickerStream::OnRequestHeaders(const ProcessingRequest& message) {
  if (phase_ != Phase::kStart) return OutOfOrder("request_headers");
  // Envoy reads no answer, so whatever is placed here would not be where the request goes.
  if (message.observability_mode()) {
    phase_ = Phase::kOver;
    return;
  }
  ReadRequest(message);
  if (query_.subset.has_value() && query_.subset->empty()) {
    return Refuse(503, kNoEndpoints, "the gateway allows no endpoint");
  }
  request_ended_ = message.request_headers().end_of_stream();
  if (request_ended_) {
    query_.lease = false;
    return StartPick();
  }
  if (!query_.model.empty()) return StartPick();
  if (!buffered() && !duplex_request()) {
    return Refuse(400, kBadRequest,
                  absl::StrCat("no model: expected the header ", options_.model_header,
                               ", or a body mode that shows the body before the request leaves"));
  }
  phase_ = Phase::kBody;
  if (!buffered()) return;
  ProcessingResponse response;
  response.mutable_request_headers()->mutable_response();
  answered_headers_ = true;
  actions_.Send(std::move(response));
}

void PickerStream::OnRequestBody(const std::string& body, bool end_of_stream) {
  if (abandoned_) return;
  if (phase_ == Phase::kStart || request_ended_) return OutOfOrder("request_body");
  request_ended_ = end_of_stream;
  if (phase_ == Phase::kChosen) return PassRequestBody(body, end_of_stream);
  if (!duplex_request()) ++owed_;
  if (duplex_request() || phase_ == Phase::kBody) {
    if (held_.size() + body.size() > options_.max_body_bytes) {
      return Refuse(413, kBadRequest,
                    absl::StrCat("the body has over ", options_.max_body_bytes, " bytes"));
    }
    held_ += body;
  }
  // A buffered body comes in one message, which is not the last one if trailers follow.
  if (phase_ == Phase::kBody && (end_of_stream || buffered())) PickByBody();
}

void PickerStream::OnRequestTrailers() {
  if (abandoned_) return;
  if (phase_ == Phase::kStart || request_ended_) return OutOfOrder("request_trailers");
  request_ended_ = true;
  request_trailers_ = true;
  if (phase_ == Phase::kBody) return PickByBody();
  if (phase_ == Phase::kChosen) SendHeld();
}

void PickerStream::PickByBody() {
  absl::StatusOr<std::string> model = ModelOf(held_);
  if (!model.ok()) return Refuse(400, kBadRequest, model.status().message());
  query_.model = *std::move(model);
  StartPick();
}

void PickerStream::StartPick() {
  phase_ = Phase::kPicking;
  actions_.StartPick(query_);  // may have picked already when it returns
}

void PickerStream::OnPicked(absl::StatusOr<Pick> pick) {
  if (phase_ != Phase::kPicking) {
    if (pick.ok() && pick->lease_id != 0) actions_.Release(*pick, ReleaseCause::kLate);
    return;
  }
  if (!pick.ok()) {
    const absl::string_view message = pick.status().message();
    if (absl::IsInvalidArgument(pick.status())) return Refuse(400, kBadRequest, message);
    if (absl::IsResourceExhausted(pick.status())) return Refuse(429, kSaturated, message);
    return Refuse(503, kNoEndpoints, message);
  }
  phase_ = Phase::kChosen;
  endpoint_ = pick->endpoint;
  if (pick->lease_id != 0) pick_ = *std::move(pick);
  AnswerPicked();
  SendHeld();
}

void PickerStream::AnswerPicked() {
  ProcessingResponse response;
  // Headers that were answered already have not left yet: Envoy waits for the buffered body's
  // answer.
  if (!answered_headers_) {
    SetDestination(endpoint_, &response, response.mutable_request_headers()->mutable_response());
  } else {
    SetDestination(endpoint_, &response, response.mutable_request_body()->mutable_response());
    --owed_;
  }
  actions_.Send(std::move(response));
}

// Sends on what came before there was an endpoint.
void PickerStream::SendHeld() {
  if (duplex_request()) {
    PassRequestBody(std::exchange(held_, {}), request_ended_ && !request_trailers_ && query_.lease);
  } else {
    held_.clear();
    for (; owed_ > 0; --owed_) PassRequestBody({}, false);
  }
  if (!request_trailers_) return;
  ProcessingResponse response;
  response.mutable_request_trailers();
  actions_.Send(std::move(response));
}

void PickerStream::PassRequestBody(absl::string_view body, bool end_of_stream) {
  PassBody(actions_, request_mode_, body, end_of_stream, &ProcessingResponse::mutable_request_body);
}

void PickerStream::OnResponseHeaders(const ProcessingRequest& message) {
  if (phase_ == Phase::kStart || response_started_) return OutOfOrder("response_headers");
  // Envoy may answer the client itself before there is an endpoint: then the request goes nowhere.
  abandoned_ = waiting();
  phase_ = Phase::kChosen;
  response_started_ = true;
  int status = 0;
  if (!absl::SimpleAtoi(HeaderOf(message.response_headers(), ":status"), &status)) status = 0;
  const std::string served = ServedOf(message);
  if (pick_.has_value() && !served.empty() && served != pick_->endpoint) {
    actions_.Move(*pick_, served);
    pick_->endpoint = served;
  }
  harvesting_ = query_.profile == Profile::kPrefill && status == 200;
  // Before the answer: the client's next call for this request is then a new placement.
  if (status == 412) Release(ReleaseCause::kConditional);
  if (status >= 500) Release(ReleaseCause::kFailed);
  if (message.response_headers().end_of_stream()) FinishResponse();
  ProcessingResponse response;
  response.mutable_response_headers()->mutable_response();
  actions_.Send(std::move(response));
}

void PickerStream::OnResponseBody(const std::string& body, bool end_of_stream) {
  if (!response_started_ || response_ended_) return OutOfOrder("response_body");
  if (harvesting_) {
    harvesting_ = harvest_.size() + body.size() <= options_.max_body_bytes;
    if (harvesting_) {
      harvest_ += body;
    } else {
      harvest_ = std::string();
    }
  }
  PassBody(actions_, response_mode_, body, end_of_stream,
           &ProcessingResponse::mutable_response_body);
  if (end_of_stream) FinishResponse();
}

void PickerStream::OnResponseTrailers() {
  if (!response_started_ || response_ended_) return OutOfOrder("response_trailers");
  ProcessingResponse response;
  response.mutable_response_trailers();
  actions_.Send(std::move(response));
  FinishResponse();
}

void PickerStream::FinishResponse() {
  response_ended_ = true;
  if (harvesting_ && !harvest_.empty()) actions_.Harvest(query_, harvest_);
  harvest_ = std::string();
  Release(ReleaseCause::kFinished);
}

void PickerStream::OnDeadline() {
  if (waiting()) Refuse(503, kNoEndpoints, "no endpoint was picked in time");
}

void PickerStream::OnEnd() {
  phase_ = Phase::kOver;
  Release(ReleaseCause::kGone);
}

void PickerStream::Refuse(int code, absl::string_view reason, absl::string_view message) {
  phase_ = Phase::kOver;
  held_ = std::string();
  actions_.Send(Immediate(code, reason, message));
}

// Envoy never sends this. What the client has of a response it keeps; before that it hears 500.
void PickerStream::OutOfOrder(absl::string_view part) {
  Release(ReleaseCause::kGone);
  if (response_started_) return;
  Refuse(500, "rejected-protocol", absl::StrCat(part, " came out of order"));
}

void PickerStream::Release(ReleaseCause cause) {
  if (!pick_.has_value()) return;
  actions_.Release(*std::exchange(pick_, std::nullopt), cause);
}

}  // namespace eldr::picker
