// A book with two nodes, and changes for it.
#ifndef ELDR_TESTS_CORE_BOOKS_BOOK_FIXTURE_H_
#define ELDR_TESTS_CORE_BOOKS_BOOK_FIXTURE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/books/book.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace eldr {

class BookFixture : public ::testing::Test {
 protected:
  BookFixture() {
    MustApply(NodeRegistered{Node("a"), absl::Time()});
    MustApply(NodeRegistered{Node("b"), absl::Time()});
  }

  static Book::Options Options() {
    Book::Options options;
    options.model = "moe";
    options.geometry = {2, 8, 2, {}};
    options.max_nodes = 3;
    options.max_leases = 4;
    return options;
  }
  // One that sends no heartbeats: ready at once.
  static NodeSpec Node(const std::string& id) {
    NodeSpec spec;
    spec.node_id = id;
    spec.model = "moe";
    spec.address = id + ":8000";
    return spec;
  }
  // One that sends a heartbeat every second.
  static NodeSpec HeartbeatingNode(const std::string& id) {
    NodeSpec spec = Node(id);
    spec.heartbeat_interval = absl::Seconds(1);
    return spec;
  }
  // With an id above all before.
  LeaseStarted Start(const std::string& request_id, const std::string& node_id,
                     LeaseOrigin origin = LeaseOrigin::kPlaced) const {
    LeaseStarted started;
    started.origin = origin;
    started.lease.id = book_.last_lease_id() + 1;
    started.lease.request_id = request_id;
    started.lease.node_id = node_id;
    started.lease.ttl = absl::Seconds(60);
    started.codes.assign(Options().geometry.cells(), 100);
    return started;
  }
  LeaseFinished Finish(const std::string& request_id) const {
    const Lease* const lease = book_.FindLease(request_id);
    return {lease == nullptr ? 0 : lease->id, request_id, LeaseEnd::kReleased};
  }

  template <typename What>
  absl::StatusOr<Applied> Apply(What what) {
    Change change;
    change.number = book_.last_number() + 1;
    change.at = now_;
    change.what = std::move(what);
    return book_.Apply(change);
  }
  template <typename What>
  Applied MustApply(What what) {
    const auto applied = Apply(std::move(what));
    EXPECT_THAT(applied, IsOk());
    return applied.ok() ? *applied : Applied{};
  }
  // Refused with the code and the text, with nothing changed.
  template <typename What>
  void ExpectRefused(What what, absl::StatusCode code, const std::string& text) {
    const std::uint64_t digest = book_.Digest(), number = book_.last_number();
    EXPECT_THAT(Apply(std::move(what)), StatusIs(code, ::testing::HasSubstr(text)));
    EXPECT_EQ(book_.Digest(), digest);
    EXPECT_EQ(book_.last_number(), number);
  }

  Book book_{Options()};
  MonotonicTime now_ = absl::Seconds(1000);
};

}  // namespace eldr

#endif  // ELDR_TESTS_CORE_BOOKS_BOOK_FIXTURE_H_
