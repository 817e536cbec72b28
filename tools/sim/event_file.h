// Reads the event logs of eldrd (proto/eldr/storage/v1/event.proto).
#ifndef ELDR_TOOLS_SIM_EVENT_FILE_H_
#define ELDR_TOOLS_SIM_EVENT_FILE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "eldr/storage/v1/event.pb.h"

namespace eldr::sim {

// The records of one log, appended. A record that ends early ends it: the daemon may be writing it.
// INVALID_ARGUMENT if the bytes are no event log.
absl::Status AppendEvents(absl::string_view bytes, std::vector<storage::v1::EventRecord>& events);

// The records of all logs at `paths`, in the order of the files' names, which the daemon numbers; a
// directory stands for the logs in it. Errors start with the path. INVALID_ARGUMENT if there is not
// one record.
absl::StatusOr<std::vector<storage::v1::EventRecord>> ReadEvents(
    const std::vector<std::string>& paths);

}  // namespace eldr::sim

#endif  // ELDR_TOOLS_SIM_EVENT_FILE_H_
