#include "tests/client/fake_daemon.h"

#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace eldr::client {
namespace {

// Answers each message of a stream as the unary call would.
template <typename In, typename Out, typename Call, typename Request, typename Response>
void AnswerAll(grpc::ServerReaderWriter<Out, In>* stream, Call& call,
               const Request& (In::*request)() const, Response* (Out::*answer)()) {
  In in;
  while (stream->Read(&in)) {
    Out out;
    out.set_id(in.id());
    Response response;
    const grpc::Status status = call.Run((in.*request)(), &response);
    if (status.ok()) {
      *(out.*answer)() = response;
    } else {
      out.mutable_error()->set_code(status.error_code());
      out.mutable_error()->set_message(status.error_message());
    }
    stream->Write(out);
  }
}

}  // namespace

grpc::Status FakeFleet::StreamHeartbeats(
    grpc::ServerContext*,
    grpc::ServerReaderWriter<v1::StreamHeartbeatsResponse, v1::StreamHeartbeatsRequest>* stream) {
  ++streams;
  if (streams_to_break > 0) {
    --streams_to_break;
    v1::StreamHeartbeatsRequest unanswered;
    stream->Read(&unanswered);
    return {grpc::StatusCode::UNAVAILABLE, "shutting down"};
  }
  AnswerAll(stream, heartbeat, &v1::StreamHeartbeatsRequest::heartbeat,
            &v1::StreamHeartbeatsResponse::mutable_taken);
  return stream_end;
}

grpc::Status FakePlacement::StreamSignatures(
    grpc::ServerContext*,
    grpc::ServerReaderWriter<v1::StreamSignaturesResponse, v1::StreamSignaturesRequest>* stream) {
  AnswerAll(stream, push_signature, &v1::StreamSignaturesRequest::push,
            &v1::StreamSignaturesResponse::mutable_stored);
  return stream_end;
}

grpc::Status FakePlacement::WatchPlacements(
    grpc::ServerContext* context, const v1::WatchPlacementsRequest* request,
    grpc::ServerWriter<v1::WatchPlacementsResponse>* writer) {
  watch_request = *request;
  for (const v1::WatchPlacementsResponse& placement : watched) writer->Write(placement);
  while (watch_goes_on.load() && !context->IsCancelled()) absl::SleepFor(absl::Milliseconds(5));
  return stream_end;
}

grpc::Status FakePlacement::StreamPlacements(
    grpc::ServerContext*,
    grpc::ServerReaderWriter<v1::StreamPlacementsResponse, v1::StreamPlacementsRequest>* stream) {
  AnswerAll(stream, place, &v1::StreamPlacementsRequest::place,
            &v1::StreamPlacementsResponse::mutable_placed);
  return stream_end;
}

FakeDaemon::FakeDaemon(const std::string& target) {
  grpc::EnableDefaultHealthCheckService(true);
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 1'000);
  builder.AddListeningPort(target, grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&models);
  builder.RegisterService(&history);
  builder.RegisterService(&fleet);
  builder.RegisterService(&placement);
  server_ = builder.BuildAndStart();
  target_ = absl::StrCat("127.0.0.1:", port);
}

FakeDaemon::~FakeDaemon() {
  // A stream that a failed test left open must not hang the shutdown.
  server_->Shutdown(absl::ToChronoTime(absl::Now() + absl::Seconds(1)));
}

void FakeDaemon::SetServing(const std::string& service, bool serving) {
  server_->GetHealthCheckService()->SetServingStatus(service, serving);
}

}  // namespace eldr::client
