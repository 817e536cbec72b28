// The life of one HTTP request in the endpoint picker, without gRPC: messages in, answers out.
//
// A stream is a lease's life. It is placed at the request, moved when another endpoint serves it,
// and released at the end of the response, at an answer 5xx or 412, or however the stream ends.
// How a stream ends tells nothing of success: Envoy cancels those that went well.
#ifndef ELDR_SERVER_PICKER_PICKER_STREAM_H_
#define ELDR_SERVER_PICKER_PICKER_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/picker/picker_actions.h"

namespace eldr::picker {

using BodyMode = envoy::service::ext_proc::v3::ProtocolConfiguration::BodySendMode;

struct PickerOptions {
  std::string model;  // of all requests; empty: a header or the body names it
  std::string model_header = "x-llm-d-model-name-rewrite";
  std::string profile_header = "epp-profile";
  std::string prefill_profile = "prefill";
  std::string decode_profile = "decode";
  // Of a request whose body is held, and of a prefill's response that is harvested.
  std::size_t max_body_bytes = 10u << 20;
  // For an Envoy that does not tell its modes.
  BodyMode request_mode = envoy::service::ext_proc::v3::ProtocolConfiguration::FULL_DUPLEX_STREAMED;
  BodyMode response_mode =
      envoy::service::ext_proc::v3::ProtocolConfiguration::FULL_DUPLEX_STREAMED;
};

// Not thread-safe. Both references outlive it.
class PickerStream {
 public:
  PickerStream(const PickerOptions& options, PickerActions& actions)
      : options_(options), actions_(actions) {}

  void OnMessage(const ProcessingRequest& message);
  // The outcome of StartPick(): INVALID_ARGUMENT is answered by 400, RESOURCE_EXHAUSTED by 429, and
  // any other error by 503.
  void OnPicked(absl::StatusOr<Pick> pick);
  // The request has waited for too long: Envoy has no limit of its own in full duplex.
  void OnDeadline();
  // The stream has ended, in whatever way. Nothing is sent any more.
  void OnEnd();

  // True while the request is held, so that the deadline must run.
  bool waiting() const { return phase_ == Phase::kBody || phase_ == Phase::kPicking; }

 private:
  enum class Phase : std::uint8_t {
    kStart,
    kBody,     // the body is held until it has named the model
    kPicking,  // the body is held until there is an endpoint
    kChosen,   // parts go on as they come
    kOver,     // what still comes is ignored
  };

  void OnRequestHeaders(const ProcessingRequest& message);
  void OnRequestBody(const std::string& body, bool end_of_stream);
  void OnRequestTrailers();
  void OnResponseHeaders(const ProcessingRequest& message);
  void OnResponseBody(const std::string& body, bool end_of_stream);
  void OnResponseTrailers();

  void ReadRequest(const ProcessingRequest& message);
  void PickByBody();
  void StartPick();
  void AnswerPicked();
  void SendHeld();
  void PassRequestBody(absl::string_view body, bool end_of_stream);
  void FinishResponse();
  void Refuse(int code, absl::string_view reason, absl::string_view message);
  void OutOfOrder(absl::string_view part);
  void Release(ReleaseCause cause);

  bool buffered() const;
  bool duplex_request() const;

  const PickerOptions& options_;
  PickerActions& actions_;
  Phase phase_ = Phase::kStart;
  BodyMode request_mode_{};
  BodyMode response_mode_{};
  PickQuery query_;
  std::optional<Pick> pick_;  // while its lease is held

  std::string endpoint_;
  bool answered_headers_ = false;  // before there was an endpoint: BUFFERED
  std::string held_;               // of the request's body
  std::size_t owed_ = 0;           // answers to parts of it, where each part has one
  bool request_ended_ = false;     // by end_of_stream or trailers
  bool request_trailers_ = false;
  bool abandoned_ = false;  // answered by Envoy before there was an endpoint
  bool response_started_ = false;
  bool response_ended_ = false;
  bool harvesting_ = false;
  std::string harvest_;
};

}  // namespace eldr::picker

#endif  // ELDR_SERVER_PICKER_PICKER_STREAM_H_
