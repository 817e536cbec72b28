# Writes OUTPUT anew if it would be another: cmake -DSOURCE= -DOUTPUT= -DCOMMIT= -DVERSION= -DBUILD= -P
if(NOT COMMIT)
  execute_process(COMMAND git -C ${SOURCE} rev-parse --short=12 HEAD
    OUTPUT_VARIABLE COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(NOT COMMIT)
  set(COMMIT unknown)
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT [[
#include "core/version/version_text.h"

namespace eldr {
const char kVersionText[] = "@VERSION@ (commit @COMMIT@, @BUILD@)";
}  // namespace eldr
]] @ONLY)
