#include "tools/fit/signature_counts.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace eldr::fit {
namespace {

absl::Status Refuse(absl::string_view field, std::size_t got, std::size_t expected) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": got ", got, ", expected ", expected,
                                                 " by the layers and experts that are given"));
}

template <typename Count>
absl::Status AddDense(absl::string_view bytes, std::vector<float>& sum) {
  if (bytes.size() != sizeof(Count) * sum.size()) {
    return Refuse("bytes of counts", bytes.size(), sizeof(Count) * sum.size());
  }
  for (std::size_t i = 0; i < sum.size(); ++i) {
    Count count;
    std::memcpy(&count, bytes.data() + i * sizeof(Count), sizeof(Count));
    sum[i] += static_cast<float>(count);
  }
  return absl::OkStatus();
}

absl::Status AddSparse(const SignatureData::Sparse& sparse, std::vector<float>& sum) {
  if (sparse.cells.size() != sparse.counts.size()) {
    return Refuse("sparse counts", sparse.counts.size(), sparse.cells.size());
  }
  const auto most = std::max_element(sparse.cells.begin(), sparse.cells.end());
  if (most != sparse.cells.end() && *most >= sum.size()) {
    return Refuse("index of a count", *most, sum.size() - 1);
  }
  for (std::size_t i = 0; i < sparse.cells.size(); ++i) {
    sum[sparse.cells[i]] += static_cast<float>(sparse.counts[i]);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status AddCounts(const SignatureData& signature, std::vector<float>& sum) {
  if (const auto* sparse = std::get_if<SignatureData::Sparse>(&signature.counts)) {
    return AddSparse(*sparse, sum);
  }
  const auto* dense = std::get_if<SignatureData::Dense>(&signature.counts);
  if (dense == nullptr) return absl::OkStatus();  // none are given
  switch (dense->width) {
    case CountWidth::k8:
      return AddDense<std::uint8_t>(dense->bytes, sum);
    case CountWidth::k16:
      return AddDense<std::uint16_t>(dense->bytes, sum);
    case CountWidth::k32:
      break;
  }
  return AddDense<std::uint32_t>(dense->bytes, sum);
}

}  // namespace eldr::fit
