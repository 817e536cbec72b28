#include "tools/sim/arrival_process.h"

#include <cmath>

namespace eldr::sim {
namespace {

// Apart from what else a replay draws with the same seed.
constexpr std::uint64_t kGapStream = 0x67617073;

class GammaProcess final : public ArrivalProcess {
 public:
  GammaProcess(double rate, double coefficient_of_variation, std::uint64_t seed)
      : mean_gap_(1 / rate),
        shape_(1 / (coefficient_of_variation * coefficient_of_variation)),
        stream_(seed, kGapStream) {}

  RecordedArrival Next() override {
    const double gap = shape_ == 1 ? stream_.Exponential() : Gamma() / shape_;
    now_ += absl::Seconds(gap * mean_gap_);
    return {now_, 0, 0};
  }

 private:
  double Normal() {
    const double radius = std::sqrt(2 * stream_.Exponential());
    return radius * std::cos(2 * M_PI * stream_.Uniform());
  }

  // With the shape parameter shape_ and scale 1, by the rejection method of Marsaglia and Tsang; a
  // shape below 1 is drawn as one above it, times a power of a uniform number.
  double Gamma() {
    const double shape = shape_ < 1 ? shape_ + 1 : shape_;
    const double d = shape - 1.0 / 3;
    const double c = 1 / std::sqrt(9 * d);
    while (true) {
      const double x = Normal();
      const double root = 1 + c * x;
      if (root <= 0) continue;
      const double v = root * root * root;
      if (std::log1p(-stream_.Uniform()) >= x * x / 2 + d - d * v + d * std::log(v)) continue;
      return shape_ < 1 ? d * v * std::pow(1 - stream_.Uniform(), 1 / shape_) : d * v;
    }
  }

  const double mean_gap_;
  const double shape_;
  replay::RandomStream stream_;
  absl::Duration now_;
};

class RecordedProcess final : public ArrivalProcess {
 public:
  RecordedProcess(const std::vector<RecordedArrival>& record, double rate, std::uint64_t seed)
      : record_(record) {
    const auto count = static_cast<double>(record.size());
    // One mean gap from the last to the first of the next round.
    period_ = record.back().time * (count / (count - 1));
    stretch_ = count / rate / absl::ToDoubleSeconds(period_);
    next_ = replay::RandomStream(seed, kGapStream).Below(record.size());
    begin_ = record[next_].time;
  }

  RecordedArrival Next() override {
    RecordedArrival arrival = record_[next_];
    arrival.time = (rounds_ * period_ + arrival.time - begin_) * stretch_;
    if (++next_ == record_.size()) {
      next_ = 0;
      ++rounds_;
    }
    return arrival;
  }

 private:
  const std::vector<RecordedArrival>& record_;
  absl::Duration period_;
  double stretch_ = 1;
  std::size_t next_ = 0;
  absl::Duration begin_;
  std::int64_t rounds_ = 0;
};

}  // namespace

std::unique_ptr<ArrivalProcess> MakeGammaProcess(double rate, double coefficient_of_variation,
                                                 std::uint64_t seed) {
  return std::make_unique<GammaProcess>(rate, coefficient_of_variation, seed);
}

std::unique_ptr<ArrivalProcess> MakeRecordedProcess(const std::vector<RecordedArrival>& record,
                                                    double rate, std::uint64_t seed) {
  return std::make_unique<RecordedProcess>(record, rate, seed);
}

}  // namespace eldr::sim
