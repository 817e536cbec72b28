#include "client/ctl/residency_view.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "client/ctl/print.h"

namespace eldr::ctl {
namespace {

// From never to nearly always; the first is for less than half a step of the scale.
constexpr absl::string_view kShades = " .:-=+*#%@";

// Of the 256 of terminals: from near black over blue and green to pale yellow, each brighter than
// the one before.
constexpr int kColours[] = {233, 17, 18, 24, 30, 36, 72, 78, 114, 150, 186, 222, 229, 231};
constexpr absl::string_view kPlain = "\033[0m";

std::size_t StepOf(double chance, std::size_t steps) {
  const double top = static_cast<double>(steps - 1);
  return static_cast<std::size_t>(std::lround(std::clamp(chance, 0.0, 1.0) * top));
}

// One character; with colours the terminal's state goes on to the next one.
std::string Cell(double chance, bool colours) {
  if (!colours) return std::string(1, kShades[StepOf(chance, kShades.size())]);
  return absl::StrFormat("\033[48;5;%dm ", kColours[StepOf(chance, std::size(kColours))]);
}

// What the cells mean, in a line.
std::string Legend(bool colours) {
  if (!colours) return absl::StrCat("\"", kShades, "\"");
  std::string legend;
  for (const int colour : kColours) absl::StrAppendFormat(&legend, "\033[48;5;%dm ", colour);
  return absl::StrCat(legend, kPlain);
}

// `experts_per_cell` experts make one character, by their mean.
std::string LayerText(absl::Span<const float> layer, std::size_t experts_per_cell, bool colours) {
  std::string text;
  for (std::size_t from = 0; from < layer.size(); from += experts_per_cell) {
    const absl::Span<const float> cell = layer.subspan(from, experts_per_cell);
    const double sum = std::accumulate(cell.begin(), cell.end(), 0.0);
    text += Cell(sum / static_cast<double>(cell.size()), colours);
  }
  return colours ? absl::StrCat(text, kPlain) : text;
}

}  // namespace

void PrintHeatmap(const v1::GetResidencyResponse& residency, std::size_t width, bool colours,
                  Printer out) {
  const std::size_t experts = residency.experts();
  const std::size_t per_cell = std::max<std::size_t>(1, (experts + width - 1) / width);
  const absl::Span<const float> activation = residency.activation();
  out << "expert group " << residency.expert_group() << " of model " << residency.model() << ", "
      << residency.leases() << " leases; " << residency.layers() << " layers x " << experts
      << " experts, " << per_cell << (per_cell == 1 ? " expert" : " experts")
      << " a cell, from 0 to 1: ";
  out.Verbatim(Legend(colours)) << "\n";
  double total = 0;
  std::size_t layers = 0;
  for (std::size_t at = 0; experts > 0 && at + experts <= activation.size(); at += experts) {
    const absl::Span<const float> layer = activation.subspan(at, experts);
    const double expected = std::accumulate(layer.begin(), layer.end(), 0.0);
    out.Verbatim(
        absl::StrFormat("%4d |%s| %.2f", layers, LayerText(layer, per_cell, colours), expected))
        << "\n";
    total += expected;
    ++layers;
  }
  if (layers == 0) return;
  out << "expected distinct experts per layer: "
      << NumberText(total / static_cast<double>(layers), 2) << "\n";
}

}  // namespace eldr::ctl
