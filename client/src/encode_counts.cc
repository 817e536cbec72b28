#include <algorithm>
#include <string>

#include "eldr/client/signature_builder.h"

namespace eldr::client {
namespace {

// Appends the low `width` bytes of each count, little-endian whatever the machine is.
std::string Pack(absl::Span<const uint32_t> counts, std::size_t width) {
  std::string data(counts.size() * width, '\0');
  std::size_t at = 0;
  for (const uint32_t count : counts) {
    for (std::size_t byte = 0; byte < width; ++byte) {
      data[at++] = static_cast<char>((count >> (8 * byte)) & 0xff);
    }
  }
  return data;
}

}  // namespace

v1::ExpertSignature EncodeCounts(absl::Span<const uint32_t> counts, uint32_t tokens,
                                 std::optional<uint32_t> prompt_tokens) {
  v1::ExpertSignature signature;
  signature.set_tokens(tokens);
  if (prompt_tokens) signature.set_prompt_tokens(*prompt_tokens);
  const auto zeros = static_cast<std::size_t>(std::count(counts.begin(), counts.end(), 0u));
  if ((counts.size() - zeros) * 10 < counts.size()) {
    v1::SparseCounts& sparse = *signature.mutable_sparse();
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] == 0) continue;
      sparse.add_indices(static_cast<uint32_t>(i));
      sparse.add_counts(counts[i]);
    }
    return signature;
  }
  const uint32_t most = counts.empty() ? 0 : *std::max_element(counts.begin(), counts.end());
  v1::DenseCounts& dense = *signature.mutable_dense();
  if (most <= 0xff) {
    dense.set_encoding(v1::COUNT_ENCODING_UINT8);
    dense.set_data(Pack(counts, 1));
  } else if (most <= 0xffff) {
    dense.set_encoding(v1::COUNT_ENCODING_UINT16);
    dense.set_data(Pack(counts, 2));
  } else {
    dense.set_encoding(v1::COUNT_ENCODING_UINT32);
    dense.set_data(Pack(counts, 4));
  }
  return signature;
}

}  // namespace eldr::client
