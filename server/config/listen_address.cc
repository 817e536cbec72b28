#include "server/config/listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace eldr {
namespace {

absl::Status Malformed() {
  return absl::InvalidArgumentError(
      "HOST:PORT with a port of 0 to 65535, [IPV6]:PORT or unix:PATH");
}

}  // namespace

bool ListenAddress::loopback() const {
  if (unix_socket || host == "localhost") return true;
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

std::string ListenAddress::ToString() const {
  if (unix_socket) return absl::StrCat("unix:", host);
  if (absl::StrContains(host, ':')) return absl::StrCat("[", host, "]:", port);
  return absl::StrCat(host, ":", port);
}

absl::StatusOr<ListenAddress> ParseListenAddress(absl::string_view text) {
  ListenAddress address;
  if (absl::ConsumePrefix(&text, "unix:")) {
    if (text.empty()) return Malformed();
    address.host = std::string(text);
    address.unix_socket = true;
    return address;
  }
  const auto colon = text.rfind(':');
  if (colon == absl::string_view::npos) return Malformed();
  absl::string_view host = text.substr(0, colon);
  if (absl::ConsumePrefix(&host, "[")) {
    if (!absl::ConsumeSuffix(&host, "]")) return Malformed();
  } else if (absl::StrContains(host, ':')) {
    return Malformed();  // IPv6 without brackets: which colon is the port's?
  }
  if (host.empty() || !absl::SimpleAtoi(text.substr(colon + 1), &address.port) ||
      address.port < 0 || address.port > 65535) {
    return Malformed();
  }
  address.host = std::string(host);
  return address;
}

}  // namespace eldr
