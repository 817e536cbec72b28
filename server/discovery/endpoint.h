// An engine that was discovered, as a source tells of it.
#ifndef ELDR_SERVER_DISCOVERY_ENDPOINT_H_
#define ELDR_SERVER_DISCOVERY_ENDPOINT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/config/config.h"

namespace eldr {

// What an engine does.
struct EndpointRoles {
  bool prefill = false;
  bool decode = false;

  bool operator==(const EndpointRoles&) const = default;
};

// The roles that a label names: "prefill", "decode", "both", or several joined by '-', such as
// "prefill-decode". Nothing: both, as an engine does that was not told. Other words are no role of
// ours ("encode").
EndpointRoles RolesOf(absl::string_view label);

struct Endpoint {
  std::string node_id;
  std::string model;
  std::string address;                // HOST:PORT or [IPV6]:PORT
  std::optional<std::uint32_t> rank;  // of several at one host
  std::string expert_group;           // empty: the node itself
  EndpointRoles roles;
  bool ready = true;  // takes requests; false: starts, fails or ends
  // Changes when another process takes the id: the UID of a pod. At most 256 bytes, may be empty.
  std::string instance;

  bool operator==(const Endpoint&) const = default;
};

// What a source calls a thing with endpoints, a pod or an entry of a file, and the endpoints.
using Endpoints = std::map<std::string, std::vector<Endpoint>, std::less<>>;

// A thing as a source finds it, before it is known which endpoints that makes.
struct Host {
  std::string name;  // becomes the node's id, with the rank if there are several ports
  std::string host;  // a name or an address, IPv6 without brackets
  std::vector<std::uint32_t> ports;
  std::map<std::string, std::string, std::less<>> labels = {};
  bool ready = true;
  std::string instance = {};  // as Endpoint::instance
};

// One endpoint per port. Model, roles and group are those that the host's labels tell by the keys
// of `config`; ranks of one host are a group unless a label names another.
std::vector<Endpoint> EndpointsOf(const Host& host, const DiscoveryConfig& config);

}  // namespace eldr

#endif  // ELDR_SERVER_DISCOVERY_ENDPOINT_H_
