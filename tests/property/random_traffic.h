// Random calls on a router, with books kept on it.
#ifndef ELDR_TESTS_PROPERTY_RANDOM_TRAFFIC_H_
#define ELDR_TESTS_PROPERTY_RANDOM_TRAFFIC_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "core/route/router.h"
#include "tests/core/test_signature.h"
#include "tests/property/random_calls.h"
#include "tests/property/router_books.h"
#include "tests/support/fake_clock.h"

namespace eldr {

// Places, pushes, releases, renews, heartbeats, drains, registers, removes and lets time pass, in
// random order, and checks each answer against the books. Any placement, push and release may come
// once more at any later time, and is then answered as before.
class RandomTraffic {
 public:
  // `seed` draws the calls, `router_seed` what the router does at random.
  RandomTraffic(const std::string& policy, std::uint64_t seed, std::uint64_t router_seed);

  // One random call.
  void Step();
  // Everything that is placed is released, and all silent time passes.
  void ReleaseAll();

  const RouterBooks& books() const { return *books_; }
  const Router& router() const { return *router_; }
  // Those of the router's own book.
  const Book::Options& book_options() const { return book_options_; }
  static constexpr absl::string_view kModel = "moe";
  // A line for each placement: "r12 on n3".
  const std::vector<std::string>& placements() const { return placements_; }
  // Calls that were repeated in time, and so had to be answered as before.
  int repeated() const { return repeated_; }

 private:
  std::uint64_t Below(std::uint64_t bound) { return rng_() % bound; }
  bool OneIn(std::uint64_t n) { return Below(n) == 0; }
  std::string AnyRequest();
  std::string AnyNode();
  TestSignature AnySignature();

  // random_requests.cc
  void Place();
  void Push();
  void Release();
  void Renew();
  // A call of the past arrives once more.
  void Repeat();

  // Each sends a call, compares its answer with the books, and tells it: none if it was refused.
  std::optional<Placement> Send(PlaceCall& call);
  std::optional<PushResult> Send(PushCall& call);
  LeaseOutcome Send(const ReleaseCall& call);
  void Remember(PastCall past);

  void Heartbeat();
  // Names most of the node's requests and some others, as if they were all.
  void CompleteHeartbeat();
  void HeartbeatAll();
  // For longer than node_timeout, while all others are heard.
  void SilenceANode();
  void Drain();
  void Register();
  void Remove();
  void PassTime();

  static constexpr std::uint64_t kRequests = 60;

  const ModelGeometry geometry_ = {3, 16, 2, {}};
  std::mt19937_64 rng_;
  FakeClock clock_;
  Book::Options book_options_;
  std::unique_ptr<RouterBooks> books_;
  std::unique_ptr<Router> router_;
  std::vector<std::string> placements_;
  std::vector<PastCall> past_;
  int repeated_ = 0;
  std::string mute_node_;  // sends no heartbeats for now
};

}  // namespace eldr

#endif  // ELDR_TESTS_PROPERTY_RANDOM_TRAFFIC_H_
