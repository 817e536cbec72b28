#include "server/base/peer.h"

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"

namespace eldr {

std::string PeerHost(absl::string_view peer) {
  if (absl::StartsWith(peer, "unix")) return "unix";
  const auto scheme = peer.find(':');
  const auto port = peer.rfind(':');
  if (scheme == absl::string_view::npos || port == scheme) return std::string(peer);
  return absl::StrReplaceAll(peer.substr(scheme + 1, port - scheme - 1),
                             {{"%5B", "["}, {"%5D", "]"}});
}

}  // namespace eldr
