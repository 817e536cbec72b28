#include "bench/synthetic/marginals.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <map>
#include <numeric>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "client/engines/npy_header.h"
#include "core/base/status_macros.h"
#include "tools/replay/file_contents.h"
#include "tools/replay/trace.h"

namespace eldr::synthetic {
namespace {

// Far beyond any model; keeps products of sizes from overflowing.
constexpr std::uint64_t kMaxSize = 1 << 16;

absl::Status CheckHeader(const engines::NpyHeader& header, std::size_t domains, std::size_t bytes) {
  if (header.descr != "<i8" || header.fortran_order) {
    return absl::InvalidArgumentError(
        absl::StrCat("descr \"", absl::CHexEscape(header.descr), "\": expected <i8 in C order"));
  }
  const std::string shape = absl::StrCat("shape (", absl::StrJoin(header.shape, ", "), ")");
  std::uint64_t elements = 1;
  for (const std::uint64_t size : header.shape) {
    if (size == 0 || size > kMaxSize) {
      return absl::InvalidArgumentError(absl::StrCat(shape, ": expected sizes of 1 to ", kMaxSize));
    }
    elements *= size;
  }
  if (header.shape.size() != 3 || header.shape[0] != domains) {
    return absl::InvalidArgumentError(
        absl::StrCat(shape, ": expected (", domains, " domains, layers, experts)"));
  }
  if (bytes != elements * sizeof(std::int64_t)) {
    return absl::InvalidArgumentError(
        absl::StrCat(shape, ": ", bytes, " bytes of data do not fit it"));
  }
  return absl::OkStatus();
}

// Reads the counts of one layer from `data` and appends their shares.
absl::Status AppendShares(absl::string_view data, absl::string_view place,
                          std::vector<double>& shares) {
  const std::size_t first = shares.size();
  double total = 0;
  for (std::size_t offset = 0; offset < data.size(); offset += sizeof(std::int64_t)) {
    std::int64_t count = 0;
    std::memcpy(&count, data.data() + offset, sizeof(count));
    if (count < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(place, ": count ", count, ": expected none below 0"));
    }
    shares.push_back(static_cast<double>(count));
    total += static_cast<double>(count);
  }
  if (total == 0) return absl::InvalidArgumentError(absl::StrCat(place, ": no counts"));
  for (std::size_t i = first; i < shares.size(); ++i) shares[i] /= total;
  return absl::OkStatus();
}

absl::StatusOr<Marginals> ParseCounts(absl::string_view bytes, std::vector<std::string> domains) {
  ELDR_ASSIGN_OR_RETURN(const engines::NpyHeader header, engines::ParseNpyHeader(bytes));
  const absl::string_view data = bytes.substr(header.data_offset);
  ELDR_RETURN_IF_ERROR(CheckHeader(header, domains.size(), data.size()));
  Marginals marginals;
  marginals.domains = std::move(domains);
  marginals.layers = header.shape[1];
  marginals.experts = header.shape[2];
  const std::size_t layer_bytes = marginals.experts * sizeof(std::int64_t);
  for (std::size_t domain = 0; domain < marginals.domains.size(); ++domain) {
    for (std::size_t layer = 0; layer < marginals.layers; ++layer) {
      ELDR_RETURN_IF_ERROR(AppendShares(
          data.substr((domain * marginals.layers + layer) * layer_bytes, layer_bytes),
          absl::StrCat("domain ", marginals.domains[domain], ", layer ", layer), marginals.shares));
    }
  }
  return marginals;
}

Marginals CountTokens(const replay::Trace& trace) {
  std::map<std::string, std::vector<double>> counts;  // of cells, by domain
  for (const replay::TraceRequest& request : trace.requests) {
    std::vector<double>& of = counts[request.domain];
    of.resize(trace.geometry.cells());
    const std::size_t end = request.first_decode_row() + request.decode_rows;
    for (std::size_t row = request.first_row; row < end; ++row) {
      const absl::Span<const std::uint64_t> bits = trace.rows.Row(row);
      for (std::size_t cell = 0; cell < of.size(); ++cell) {
        of[cell] += static_cast<double>(bits[cell / 64] >> (cell % 64) & 1);
      }
    }
  }
  Marginals marginals;
  marginals.layers = trace.geometry.layers;
  marginals.experts = trace.geometry.experts;
  for (const auto& [domain, cells] : counts) {
    marginals.domains.push_back(domain);
    for (std::size_t layer = 0; layer < marginals.layers; ++layer) {
      // Each token picks top_k experts of each layer, so no layer is without.
      const auto first = cells.begin() + static_cast<std::ptrdiff_t>(layer * marginals.experts);
      const auto last = first + static_cast<std::ptrdiff_t>(marginals.experts);
      const double total = std::accumulate(first, last, 0.0);
      std::transform(first, last, std::back_inserter(marginals.shares),
                     [total](double count) { return count / total; });
    }
  }
  return marginals;
}

}  // namespace

absl::StatusOr<Marginals> LoadMarginals(const std::string& folder) {
  if (std::filesystem::exists(folder + "/routed_experts.npy")) {
    ELDR_ASSIGN_OR_RETURN(const replay::Trace trace,
                          replay::LoadTrace(folder, {.signature_tokens = 1}));
    return CountTokens(trace);
  }
  ELDR_ASSIGN_OR_RETURN(const std::string names, replay::ReadFile(folder + "/languages.txt"));
  const std::string path = folder + "/counts.npy";
  ELDR_ASSIGN_OR_RETURN(const std::string bytes, replay::ReadFile(path));
  absl::StatusOr<Marginals> marginals =
      ParseCounts(bytes, absl::StrSplit(names, '\n', absl::SkipWhitespace()));
  if (!marginals.ok()) return replay::Annotate(marginals.status(), path);
  return marginals;
}

}  // namespace eldr::synthetic
