// What eldr-loadgen is told on its command line.
#ifndef ELDR_TOOLS_LOADGEN_LOAD_OPTIONS_H_
#define ELDR_TOOLS_LOADGEN_LOAD_OPTIONS_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "core/model/model_geometry.h"
#include "eldr/client/options.h"
#include "tools/loadgen/arrival_schedule.h"
#include "tools/replay/made_signatures.h"

namespace eldr::loadgen {

// How a request's signature reaches the daemon.
enum class SignatureWay : std::uint8_t {
  kInline,  // in the query
  kPushed,  // by a push that is answered before the query is sent
  kNone,
};

struct LoadOptions {
  client::Options connection;  // its timeout is that of each call
  std::uint32_t connections = 1;

  // A closed loop of so many callers, unless there is a rate.
  std::uint32_t concurrency = 8;
  // An open loop of so many placements per second.
  std::optional<double> rate;
  ArrivalKind arrivals = ArrivalKind::kPoisson;
  // The most placements of an open loop under way; further ones are sent late.
  std::uint32_t max_outstanding = 4096;
  // Queries go over so many streams. 0: each is a call.
  std::uint32_t streams = 0;
  absl::Duration warmup = absl::Seconds(2);
  absl::Duration duration = absl::Seconds(10);

  // A lease is released after this time, or else when more than `live` are held.
  std::optional<absl::Duration> hold;
  std::uint32_t live = 128;

  SignatureWay signatures = SignatureWay::kInline;
  SignatureForm form = SignatureForm::kBytes;
  // Signatures of these requests, in turn. Empty: made ones.
  std::string trace;
  std::uint32_t signature_tokens = 64;

  std::string model = "loadgen";
  // Of a model that is not declared yet. With a trace, the trace's.
  ModelGeometry geometry = {48, 128, 8, {}};
  std::string policy;  // empty: the daemon's default

  // Nodes that the run registers and removes at its end. 0: those that are there.
  std::uint32_t nodes = 0;
  std::uint32_t node_capacity = 0;  // 0: no limit
  // So often one of them leaves, and comes back after half of it.
  std::optional<absl::Duration> churn;

  std::uint64_t seed = 1;
  pid_t server_pid = 0;  // 0: its CPU and memory are not told
  bool json = false;
};

// Nothing if the process should end with `exit_code`: help was printed, or what is wrong.
std::optional<LoadOptions> ParseLoadOptions(int argc, char** argv, int* exit_code);

}  // namespace eldr::loadgen

#endif  // ELDR_TOOLS_LOADGEN_LOAD_OPTIONS_H_
