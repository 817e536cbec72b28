#include "server/config/listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
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

// What the resolver would refuse or, worse, take for something else.
bool IsHostName(absl::string_view host) {
  return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '_';
  });
}

// Without brackets; may name the interface of a link-local address ("fe80::1%eth0").
bool IsIpv6(absl::string_view host) {
  const std::string address(host.substr(0, host.find('%')));
  in6_addr parsed{};
  return inet_pton(AF_INET6, address.c_str(), &parsed) == 1;
}

// Digits alone: SimpleAtoi would take spaces and a sign too.
bool ParsePort(absl::string_view text, int* port) {
  const bool digits =
      !text.empty() && text.size() <= 5 && std::all_of(text.begin(), text.end(), [](char c) {
        return absl::ascii_isdigit(static_cast<unsigned char>(c));
      });
  return digits && absl::SimpleAtoi(text, port) && *port <= 65535;
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
    const auto is_control = [](char c) {
      return absl::ascii_iscntrl(static_cast<unsigned char>(c));
    };
    if (text.empty() || std::any_of(text.begin(), text.end(), is_control)) return Malformed();
    address.host = std::string(text);
    address.unix_socket = true;
    return address;
  }
  const auto colon = text.rfind(':');
  if (colon == absl::string_view::npos) return Malformed();
  absl::string_view host = text.substr(0, colon);
  // IPv6 without brackets is refused: which colon is the port's?
  if (absl::ConsumePrefix(&host, "[")) {
    if (!absl::ConsumeSuffix(&host, "]") || !IsIpv6(host)) return Malformed();
  } else if (!IsHostName(host)) {
    return Malformed();
  }
  if (!ParsePort(text.substr(colon + 1), &address.port)) return Malformed();
  address.host = std::string(host);
  return address;
}

}  // namespace eldr
