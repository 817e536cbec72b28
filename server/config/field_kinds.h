// The kinds of values that keys have: what text each takes, and how it is printed.
#ifndef ELDR_SERVER_CONFIG_FIELD_KINDS_H_
#define ELDR_SERVER_CONFIG_FIELD_KINDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/base/range.h"
#include "server/config/config_field.h"

namespace eldr {

// Each binds `value`, which must outlive the field.

ConfigField Flag(std::string path, bool& value);
ConfigField Whole(std::string path, std::uint64_t& value, const Range<std::uint64_t>& range);
ConfigField Whole(std::string path, std::uint32_t& value);  // any
ConfigField Size(std::string path, std::uint64_t& value, const Range<std::uint64_t>& range);
ConfigField Time(std::string path, absl::Duration& value, const Range<absl::Duration>& range);
ConfigField Real(std::string path, double& value, const Range<double>& range);
// One of `choices`; of "" too if that is the first.
ConfigField Choice(std::string path, std::string& value, std::vector<absl::string_view> choices);
// Any text whose length in bytes is in the range.
ConfigField Name(std::string path, std::string& value, const Range<std::uint64_t>& bytes);
// A path that the system takes as it stands; empty means none. `what` says of what.
ConfigField Path(std::string path, std::string& value, absl::string_view what);
// One line without characters that an editor does not show; empty means none.
ConfigField Text(std::string path, std::string& value, absl::string_view what);
// https://HOST[:PORT], or http:// of the loopback.
ConfigField ApiServer(std::string path, std::string& value);
ConfigField TcpAddress(std::string path, std::string& value);

// Lists, whose elements are set one by one.

ConfigField Addresses(std::string path, std::vector<std::string>& values);
ConfigField Paths(std::string path, std::vector<std::string>& values, absl::string_view what);
ConfigField Texts(std::string path, std::vector<std::string>& values, std::string expected);
// 1 to 8 ports, each once.
ConfigField Ports(std::string path, std::vector<std::uint32_t>& values);
ConfigField Ascending(std::string path, std::vector<std::uint32_t>& values, std::string expected);

}  // namespace eldr

#endif  // ELDR_SERVER_CONFIG_FIELD_KINDS_H_
