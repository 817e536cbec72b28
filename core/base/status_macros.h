// Early returns for absl::Status and absl::StatusOr; the packaged abseil has none.
#ifndef ELDR_CORE_BASE_STATUS_MACROS_H_
#define ELDR_CORE_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"

// Returns the error of `expression` (a Status), if it is one.
#define ELDR_RETURN_IF_ERROR(expression)                                                   \
  do {                                                                                     \
    if (absl::Status eldr_status_ = (expression); !eldr_status_.ok()) return eldr_status_; \
  } while (false)

// Assigns the value of `expression` (a StatusOr) to `target`, or returns its error.
#define ELDR_ASSIGN_OR_RETURN(target, expression) \
  ELDR_ASSIGN_OR_RETURN_IMPL_(ELDR_CONCAT_(eldr_status_or_, __LINE__), target, expression)

#define ELDR_CONCAT_INNER_(a, b) a##b
#define ELDR_CONCAT_(a, b) ELDR_CONCAT_INNER_(a, b)
#define ELDR_ASSIGN_OR_RETURN_IMPL_(holder, target, expression) \
  auto holder = (expression);                                   \
  if (!holder.ok()) return std::move(holder).status();          \
  target = *std::move(holder)

#endif  // ELDR_CORE_BASE_STATUS_MACROS_H_
