#include "bench/synthetic/trace_figures.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "tools/replay/random_stream.h"

namespace eldr::synthetic {
namespace {

constexpr std::size_t kBatches[] = {16, 32, 64};
constexpr int kBatchesPerDomain = 12;

double Pearson(absl::Span<const double> x, absl::Span<const double> y) {
  const auto n = static_cast<double>(x.size());
  double sum_x = 0, sum_y = 0, sum_xx = 0, sum_yy = 0, sum_xy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    sum_x += x[i];
    sum_y += y[i];
    sum_xx += x[i] * x[i];
    sum_yy += y[i] * y[i];
    sum_xy += x[i] * y[i];
  }
  const double variances = (sum_xx - sum_x * sum_x / n) * (sum_yy - sum_y * sum_y / n);
  return variances > 0 ? (sum_xy - sum_x * sum_y / n) / std::sqrt(variances) : 0;
}

// Adds the picks of the request's tokens [first, last) in the layer to counts[expert].
void AddCounts(const SyntheticTrace& trace, std::size_t request, std::size_t layer,
               std::size_t first, std::size_t last, absl::Span<double> counts) {
  for (std::size_t token = first; token < last; ++token) {
    for (const std::uint8_t expert : trace.Experts(request, token, layer)) counts[expert] += 1;
  }
}

// Distinct experts per layer of one decode token each of the first `batch` of `requests`.
double StepUnion(const SyntheticTrace& trace, absl::Span<const std::size_t> requests,
                 replay::RandomStream& random) {
  std::vector<bool> active(trace.layers * trace.experts);
  std::size_t distinct = 0;
  for (const std::size_t request : requests) {
    const std::size_t token = trace.size.prefill_tokens + random.Below(trace.size.decode_tokens);
    for (std::size_t layer = 0; layer < trace.layers; ++layer) {
      for (const std::uint8_t expert : trace.Experts(request, token, layer)) {
        auto cell = active[layer * trace.experts + expert];
        if (!cell) ++distinct;
        cell = true;
      }
    }
  }
  return static_cast<double>(distinct) / static_cast<double>(trace.layers);
}

// Moves a random choice of `count` to the front, in random order.
void DrawFirst(std::size_t count, replay::RandomStream& random, std::vector<std::size_t>& values) {
  for (std::size_t i = 0; i < count; ++i) {
    std::swap(values[i], values[i + random.Below(values.size() - i)]);
  }
}

double MeanUnion(const SyntheticTrace& trace, std::vector<std::size_t> pool, std::size_t batch,
                 int batches, replay::RandomStream& random) {
  double total = 0;
  for (int i = 0; i < batches; ++i) {
    DrawFirst(batch, random, pool);
    total += StepUnion(trace, absl::MakeConstSpan(pool).first(batch), random);
  }
  return total / batches;
}

void MeasureBatches(const SyntheticTrace& trace, std::uint64_t seed, TraceFigures& figures) {
  replay::RandomStream random(seed, 2);
  std::vector<std::size_t> all;
  std::vector<std::vector<std::size_t>> by_domain(trace.domains.size());
  for (std::size_t request = 0; request < trace.size.requests; ++request) {
    all.push_back(request);
    by_domain[trace.domain_of[request]].push_back(request);
  }
  by_domain.erase(std::remove_if(by_domain.begin(), by_domain.end(),
                                 [](const auto& requests) { return requests.empty(); }),
                  by_domain.end());
  const auto domains = static_cast<int>(by_domain.size());
  std::size_t least = all.size();
  for (const auto& requests : by_domain) least = std::min(least, requests.size());
  for (const std::size_t batch : kBatches) {
    if (batch > least) break;
    BatchFigures measured{batch, 0, 0};
    for (const std::vector<std::size_t>& pool : by_domain) {
      measured.same_domain += MeanUnion(trace, pool, batch, kBatchesPerDomain, random) / domains;
    }
    measured.mixed = MeanUnion(trace, all, batch, kBatchesPerDomain * domains, random);
    figures.batches.push_back(measured);
  }
}

std::string Describe(const DomainFigures& domain) {
  return absl::StrFormat("%.3f (%s, %d requests)", domain.prefill_decode_correlation, domain.name,
                         domain.requests);
}

}  // namespace

TraceFigures MeasureTrace(const SyntheticTrace& trace, const Marginals& marginals,
                          std::uint64_t seed) {
  TraceFigures figures;
  MeasureBatches(trace, seed, figures);
  const std::size_t domains = trace.domains.size();
  std::vector<DomainFigures> by_domain(domains);
  for (const std::size_t domain : trace.domain_of) ++by_domain[domain].requests;
  std::vector<double> prefill(trace.experts);
  std::vector<double> decode(trace.experts);
  for (std::size_t layer = 0; layer < trace.layers; ++layer) {
    std::vector<std::vector<double>> of_domain(domains, std::vector<double>(trace.experts));
    for (std::size_t request = 0; request < trace.size.requests; ++request) {
      std::fill(prefill.begin(), prefill.end(), 0.0);
      std::fill(decode.begin(), decode.end(), 0.0);
      const std::size_t boundary = trace.size.prefill_tokens;
      AddCounts(trace, request, layer, 0, boundary, absl::MakeSpan(prefill));
      AddCounts(trace, request, layer, boundary, trace.tokens_per_request(),
                absl::MakeSpan(decode));
      by_domain[trace.domain_of[request]].prefill_decode_correlation += Pearson(prefill, decode);
      std::vector<double>& total = of_domain[trace.domain_of[request]];
      for (std::size_t e = 0; e < trace.experts; ++e) total[e] += decode[e];
    }
    for (std::size_t domain = 0; domain < domains; ++domain) {
      figures.marginal_correlation += Pearson(of_domain[domain], marginals.Layer(domain, layer));
    }
  }
  const auto layers = static_cast<double>(trace.layers);
  for (std::size_t domain = 0; domain < domains; ++domain) {
    DomainFigures& of = by_domain[domain];
    if (of.requests == 0) continue;
    figures.prefill_decode_correlation +=
        of.prefill_decode_correlation / (layers * static_cast<double>(trace.size.requests));
    of.prefill_decode_correlation /= layers * static_cast<double>(of.requests);
    of.name = trace.domains[domain];
    figures.domains.push_back(of);
  }
  figures.marginal_correlation /= layers * static_cast<double>(figures.domains.size());
  return figures;
}

std::string DescribeFigures(const TraceFigures& figures) {
  std::string text;
  for (const BatchFigures& batch : figures.batches) {
    absl::StrAppendFormat(&text,
                          "distinct experts per layer, batch %-2d  %6.2f one domain, %6.2f mixed: "
                          "%.1f %% fewer (published: 17-21 %%)\n",
                          batch.batch, batch.same_domain, batch.mixed, 100 * batch.Saving());
  }
  absl::StrAppendFormat(&text,
                        "prefill-decode correlation            %6.3f (published: 0.70-0.92)\n",
                        figures.prefill_decode_correlation);
  const auto [least, most] = std::minmax_element(
      figures.domains.begin(), figures.domains.end(), [](const auto& a, const auto& b) {
        return a.prefill_decode_correlation < b.prefill_decode_correlation;
      });
  if (least != most) {
    absl::StrAppendFormat(&text, "  by domain, from %s to %s\n", Describe(*least), Describe(*most));
  }
  absl::StrAppendFormat(&text, "correlation with the real tables      %6.3f\n",
                        figures.marginal_correlation);
  return text;
}

}  // namespace eldr::synthetic
