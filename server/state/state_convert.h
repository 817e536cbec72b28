// Between the records of core/route/router_state.h and the rows of the state file.
#ifndef ELDR_SERVER_STATE_STATE_CONVERT_H_
#define ELDR_SERVER_STATE_STATE_CONVERT_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "core/route/router_state.h"

namespace eldr {

// Rows of one model each know their model.
struct StoredLeaseRecord {
  std::string model;
  LeaseRecord lease;
};

// A row's bytes. Equal records give equal bytes.
std::string EncodeModel(absl::string_view name, const ModelGeometry& geometry,
                        absl::string_view policy);
std::string EncodeNode(const NodeRecord& node);
std::string EncodeLease(absl::string_view model, const LeaseRecord& lease);
// Without the policies' memories, which have rows of their own.
std::string EncodeLearned(const LearnedRecord& learned);
std::string EncodeMemory(const PolicyMemory& memory);

// Nothing if the bytes are no such row. Whether a decoded record makes sense is for the router to
// judge.
std::optional<ModelRecord> DecodeModelRow(absl::string_view bytes);
std::optional<NodeRecord> DecodeNodeRow(absl::string_view bytes);
std::optional<StoredLeaseRecord> DecodeLeaseRow(absl::string_view bytes);
std::optional<LearnedRecord> DecodeLearnedRow(absl::string_view bytes);
std::optional<PolicyMemory> DecodeMemoryRow(absl::string_view bytes);

}  // namespace eldr

#endif  // ELDR_SERVER_STATE_STATE_CONVERT_H_
