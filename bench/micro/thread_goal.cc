#include "bench/micro/thread_goal.h"

#include <atomic>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/micro/interleaved.h"
#include "bench/micro/loaded_fleet.h"

namespace eldr {
namespace {

constexpr std::size_t kNodes = 64;
constexpr std::size_t kThreadRounds = 60;
constexpr std::size_t kPairs = 400;  // per thread and round
constexpr double kGoal = 1.6;

// A frontend of its own: places and releases its own requests.
class Frontend {
 public:
  Frontend(Router& router, std::size_t index)
      : router_(router),
        signatures_(MakeSignatures(BenchGeometry(), SignatureForm::kDense, 64, index + 2)) {
    for (std::size_t i = 0; i < kPairs; ++i) {
      ids_.push_back(absl::StrCat("chatcmpl-", index, "-request-", i));
    }
  }

  void PlaceAndRelease() {
    for (std::size_t i = 0; i < kPairs; ++i) {
      PlacementQuery query;
      query.model = kBenchModel;
      query.request_id = ids_[i];
      query.signature = signatures_[i % signatures_.size()].Data(SignatureForm::kDense);
      query.context_tokens = 512;
      query.max_output_tokens = 256;
      router_.Place(query).value();
      LeaseRelease release;
      release.lease = {kBenchModel, ids_[i], 0};
      router_.Release(release).value();
    }
  }

 private:
  Router& router_;
  const std::vector<MadeSignature> signatures_;
  std::vector<std::string> ids_;
};

double WallSeconds() { return absl::ToDoubleSeconds(RealClock().Monotonic()); }

// The seconds that `second` beside `first` takes, both from the same moment to the end of the later
// one; the thread exists before.
double BothSeconds(Frontend& first, Frontend& second) {
  std::atomic<int> there{0};
  const auto meet = [&there] {
    ++there;
    while (there < 2) {
    }
  };
  double start = 0;
  std::thread other([&] {
    meet();
    second.PlaceAndRelease();
  });
  meet();
  start = WallSeconds();
  first.PlaceAndRelease();
  other.join();
  return WallSeconds() - start;
}

}  // namespace

std::vector<Goal> MeasureThreadGoal() {
  if (std::thread::hardware_concurrency() < 2) return {};
  LoadedFleet::Shape shape;
  shape.nodes = kNodes;
  LoadedFleet fleet(shape);
  Frontend first(fleet.router(), 0);
  Frontend second(fleet.router(), 1);
  std::vector<double> one;
  std::vector<double> ratios;
  for (std::size_t round = 0; round <= kThreadRounds; ++round) {
    const double start = WallSeconds();
    first.PlaceAndRelease();
    const double alone = WallSeconds() - start;
    const double both = BothSeconds(first, second);
    if (round == 0) continue;
    one.push_back(alone / kPairs);
    ratios.push_back(2 * alone / both);
  }
  const double ratio = Median(std::move(ratios));
  absl::FPrintF(stderr, "two threads, %d nodes: placement and release %.2f us on one, x %.2f\n",
                kNodes, 1e6 * Median(std::move(one)), ratio);
  return {AtLeast("residency: decisions of two threads / of one, 64 nodes", ratio, kGoal)};
}

}  // namespace eldr
