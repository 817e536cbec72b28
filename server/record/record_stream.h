// The form of files of records: a magic, then messages, each with its length before it as a varint.
#ifndef ELDR_SERVER_RECORD_RECORD_STREAM_H_
#define ELDR_SERVER_RECORD_RECORD_STREAM_H_

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message_lite.h>
#include <google/protobuf/util/delimited_message_util.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace eldr {

inline void AppendRecord(const google::protobuf::MessageLite& record, std::string& out) {
  google::protobuf::io::StringOutputStream stream(&out);
  google::protobuf::util::SerializeDelimitedToZeroCopyStream(record, &stream);
}

// Calls `visit(record)` for each record of what follows the magic, until it answers an error, which
// is returned. A record that ends early ends the file: its writer may be writing it. *torn, if not
// null, tells whether one did.
template <typename Record, typename Visit>
absl::Status VisitRecords(absl::string_view records, Visit&& visit, bool* torn = nullptr) {
  google::protobuf::io::ArrayInputStream stream(records.data(), static_cast<int>(records.size()));
  bool at_end = false;
  while (true) {
    Record record;  // each one anew, as reading merges
    if (!google::protobuf::util::ParseDelimitedFromZeroCopyStream(&record, &stream, &at_end)) break;
    absl::Status status = visit(std::move(record));
    if (!status.ok()) return status;
  }
  if (torn != nullptr) *torn = !at_end;
  return absl::OkStatus();
}

}  // namespace eldr

#endif  // ELDR_SERVER_RECORD_RECORD_STREAM_H_
