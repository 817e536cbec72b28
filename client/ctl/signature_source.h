// Where a command takes an expert signature from.
#ifndef ELDR_CLIENT_CTL_SIGNATURE_SOURCE_H_
#define ELDR_CLIENT_CTL_SIGNATURE_SOURCE_H_

#include <CLI/App.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "eldr/client/client.h"

namespace eldr::ctl {

// The options that name a signature. At most one of the five sources is set.
struct SignatureSource {
  std::string counts_file;          // JSON or CSV
  std::string raw_file;             // packed little-endian counts
  std::string raw_encoding;         // uint8, uint16, uint32
  std::vector<std::string> sparse;  // INDEX:COUNT
  std::string routed_experts_file;  // .npy
  std::string response_file;        // an engine's response body
  std::string rows;                 // A:B of either
  uint32_t choice = 0;              // of the response
  uint32_t hidden_layers = 0;       // of the response, if its form does not tell; 0: the model's
  uint32_t start_len = 0;           // tokens that the response leaves out at the front
  std::optional<uint32_t> tokens;
  std::optional<uint32_t> prompt_tokens;

  bool IsGiven() const {
    return !counts_file.empty() || !raw_file.empty() || !sparse.empty() ||
           !routed_experts_file.empty() || !response_file.empty();
  }
};

// Whether a command can do without a signature.
enum class SignatureNeed { kOptional, kRequired };

// Declares the options. `source` outlives the parse.
void AddSignatureOptions(CLI::App& app, SignatureSource& source, SignatureNeed need);

// Reads the signature. Routed experts and responses are counted by the geometry of `model`, which
// the daemon is asked for; counts are passed on as they are, so that the daemon's checks can be
// tried by hand. REQUIRES: source.IsGiven().
absl::StatusOr<v1::ExpertSignature> LoadSignature(const SignatureSource& source,
                                                  const std::string& model, client::Client& client);

}  // namespace eldr::ctl

#endif  // ELDR_CLIENT_CTL_SIGNATURE_SOURCE_H_
