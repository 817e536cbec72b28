#include "core/step_time/step_stats.h"

#include "core/base/enum_name.h"

namespace eldr {

absl::string_view Name(Disbelief disbelief) {
  return EnumName({"shape", "past", "experts", "clock"}, disbelief);
}

}  // namespace eldr
