// The caller's trace, as W3C Trace Context tells it.
#ifndef ELDR_SERVER_RPC_TRACE_CONTEXT_H_
#define ELDR_SERVER_RPC_TRACE_CONTEXT_H_

#include <grpcpp/server_context.h>

#include "absl/strings/string_view.h"

namespace eldr {

// The trace id, 32 lower-case hexadecimal digits, of a `traceparent` such as
// "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"; empty if it is not one to the letter,
// as the standard asks. A part of the text.
absl::string_view TraceIdOf(absl::string_view traceparent);

// That of the call's metadata; empty without, or with more than one. Valid as long as the call.
absl::string_view TraceIdOf(const grpc::ServerContextBase& rpc);

}  // namespace eldr

#endif  // ELDR_SERVER_RPC_TRACE_CONTEXT_H_
