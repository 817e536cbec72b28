// Reads JSON as a sequence of texts at paths, so that what is not asked for costs no memory.
#ifndef ELDR_SERVER_DISCOVERY_JSON_WALK_H_
#define ELDR_SERVER_DISCOVERY_JSON_WALK_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace eldr {

// Paths are keys joined by dots, with [] for the elements of a list: that of the top is "", that of
// the conditions of each pod in a list "items[].status.conditions[]". What is nested deeper than 16
// levels is passed over.
class JsonVisitor {
 public:
  virtual ~JsonVisitor() = default;
  // An object or a list begins, and ends, at `path`.
  virtual void OnBegin(absl::string_view path) = 0;
  virtual void OnEnd(absl::string_view path) = 0;
  // A string, a number as it would be printed, "true" or "false", of `key` in the object at `path`;
  // null is not told.
  virtual void OnValue(absl::string_view path, absl::string_view key, absl::string_view text) = 0;
};

// INVALID_ARGUMENT, saying where, if it is not JSON in UTF-8; the visitor was told what stands
// before. Time and memory are linear in the text.
absl::Status WalkJson(absl::string_view text, JsonVisitor& visitor);

}  // namespace eldr

#endif  // ELDR_SERVER_DISCOVERY_JSON_WALK_H_
