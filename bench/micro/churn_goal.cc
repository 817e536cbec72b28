#include "bench/micro/churn_goal.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <string>
#include <thread>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "bench/micro/interleaved.h"
#include "bench/micro/loaded_fleet.h"
#include "core/policy/policy_factory.h"

namespace eldr {
namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kChurnNodes = 1024;
constexpr double kChurnGoal = 2;
constexpr milliseconds kChurnTurn{3000};
constexpr milliseconds kChangeInterval{1000};
// Far from what the router carries, so that the background has a core: 500 placements a second.
constexpr milliseconds kPlaceInterval{2};
// As the daemon's.
constexpr milliseconds kBackgroundInterval{100};

// Does something at an interval, on a thread of its own, for as long as it exists.
class Regularly {
 public:
  Regularly(milliseconds interval, absl::AnyInvocable<void()> act)
      : thread_([this, interval, act = std::move(act)]() mutable {
          auto next = SteadyClock::now() + interval / 2;
          while (!ends_) {
            std::this_thread::sleep_for(milliseconds(10));
            if (SteadyClock::now() < next) continue;
            act();
            next = std::max(next + interval, SteadyClock::now());
          }
        }) {}
  ~Regularly() {
    ends_ = true;
    thread_.join();
  }
  Regularly(const Regularly&) = delete;
  Regularly& operator=(const Regularly&) = delete;

 private:
  std::atomic<bool> ends_{false};
  std::thread thread_;
};

// Places for a turn, and adds the microseconds of each placement.
void PlaceForATurn(LoadedFleet& fleet, std::vector<double>& micros) {
  const auto end = SteadyClock::now() + kChurnTurn;
  for (auto next = SteadyClock::now(); next < end; next += kPlaceInterval) {
    std::this_thread::sleep_until(next);
    const auto start = SteadyClock::now();
    fleet.Place();
    micros.push_back(std::chrono::duration<double, std::micro>(SteadyClock::now() - start).count());
    fleet.Release();
  }
}

// By nearest rank.
double Percentile(std::vector<double> values, double percent) {
  const double rank = std::ceil(percent / 100 * static_cast<double>(values.size()));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::max(rank, 1.0)) - 1;
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

Goal MeasureChurnGoal(const std::string& policy, const std::string& shadow, std::size_t rounds) {
  LoadedFleet::Shape shape;
  shape.policy = policy;
  shape.shadow_policy = shadow;
  shape.nodes = kChurnNodes;
  shape.signatures = 2 * kChurnNodes;
  LoadedFleet fleet(shape);
  const auto background = [&fleet](WorkLength length) {
    return [&fleet, length] {
      for (BackgroundJob& job : fleet.router().TakeBackgroundJobs(length)) {
        job.Run();
        job.Publish();
      }
    };
  };
  const Regularly short_work(kBackgroundInterval, background(WorkLength::kShort));
  const Regularly long_work(kBackgroundInterval, background(WorkLength::kLong));
  std::vector<double> still, changing, ratios;
  for (std::size_t round = 0; round <= rounds; ++round) {
    std::vector<double> still_now, changing_now;
    const auto change = [&] {
      const Regularly changes(kChangeInterval, [&fleet] { fleet.ReplaceANode(); });
      PlaceForATurn(fleet, changing_now);
    };
    // Each comes first in turn: what one leaves to do meets the other.
    if (round % 2 == 1) change();
    PlaceForATurn(fleet, still_now);
    if (round % 2 == 0) change();
    if (round == 0) continue;
    ratios.push_back(Percentile(changing_now, 99) / Percentile(still_now, 99));
    still.insert(still.end(), still_now.begin(), still_now.end());
    changing.insert(changing.end(), changing_now.begin(), changing_now.end());
  }
  const std::string name = shadow.empty() ? policy : absl::StrCat("shadow ", shadow);
  const double ratio = Median(std::move(ratios));
  absl::FPrintF(stderr,
                "%s, %d nodes: P50 / P99 / P99.9 still %.0f / %.0f / %.0f us, changing %.0f / %.0f "
                "/ %.0f us, P99 x %.2f\n",
                name, kChurnNodes, Percentile(still, 50), Percentile(still, 99),
                Percentile(still, 99.9), Percentile(changing, 50), Percentile(changing, 99),
                Percentile(changing, 99.9), ratio);
  return AtMost(absl::StrCat(name, ": P99 of a placement, changing / still fleet"), ratio,
                kChurnGoal);
}

}  // namespace

std::vector<Goal> MeasureChurnGoals(std::size_t rounds) {
  std::vector<Goal> goals;
  const std::vector<absl::string_view> names = PolicyNames();
  goals.reserve(2 * names.size());
  for (const absl::string_view policy : names) {
    goals.push_back(MeasureChurnGoal(std::string(policy), "", rounds));
  }
  for (const absl::string_view shadow : names) {
    if (shadow == "residency") continue;  // the policy itself
    goals.push_back(MeasureChurnGoal("residency", std::string(shadow), rounds));
  }
  return goals;
}

}  // namespace eldr
