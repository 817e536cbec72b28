#include "client/ctl/residency_view.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "client/ctl/print.h"

namespace eldr::ctl {
namespace {

// From never to nearly always; the first is for less than half a step of the scale.
constexpr absl::string_view kShades = " .:-=+*#%@";

char Shade(double chance) {
  const double top = static_cast<double>(kShades.size() - 1);
  return kShades[static_cast<std::size_t>(std::lround(std::clamp(chance, 0.0, 1.0) * top))];
}

// `experts_per_cell` experts make one character, by their mean.
std::string LayerText(absl::Span<const float> layer, std::size_t experts_per_cell) {
  std::string text;
  for (std::size_t from = 0; from < layer.size(); from += experts_per_cell) {
    const absl::Span<const float> cell = layer.subspan(from, experts_per_cell);
    const double sum = std::accumulate(cell.begin(), cell.end(), 0.0);
    text += Shade(sum / static_cast<double>(cell.size()));
  }
  return text;
}

}  // namespace

void PrintHeatmap(const v1::GetResidencyResponse& residency, std::size_t width, Printer out) {
  const std::size_t experts = residency.experts();
  const std::size_t per_cell = std::max<std::size_t>(1, (experts + width - 1) / width);
  const absl::Span<const float> activation = residency.activation();
  out << "expert group " << residency.expert_group() << " of model " << residency.model() << ", "
      << residency.leases() << " leases; " << residency.layers() << " layers x " << experts
      << " experts, " << per_cell << (per_cell == 1 ? " expert" : " experts")
      << " a cell, from 0 to 1: \"" << kShades << "\"\n";
  double total = 0;
  std::size_t layers = 0;
  for (std::size_t at = 0; experts > 0 && at + experts <= activation.size(); at += experts) {
    const absl::Span<const float> layer = activation.subspan(at, experts);
    const double expected = std::accumulate(layer.begin(), layer.end(), 0.0);
    out << absl::StrFormat("%4d |%s| %.2f", layers, LayerText(layer, per_cell), expected) << "\n";
    total += expected;
    ++layers;
  }
  if (layers == 0) return;
  out << "expected distinct experts per layer: "
      << NumberText(total / static_cast<double>(layers), 2) << "\n";
}

}  // namespace eldr::ctl
