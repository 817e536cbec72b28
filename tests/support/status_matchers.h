// Matchers for absl::Status and absl::StatusOr; the packaged abseil has none.
//
//   EXPECT_THAT(fleet.Drain("a"), IsOk());
//   EXPECT_THAT(Parse("7"), IsOkAndHolds(7));
//   EXPECT_THAT(Parse("x"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"x\"")));
//
// There is no "is not OK": a test names the code it expects.
#ifndef ELDR_TESTS_SUPPORT_STATUS_MATCHERS_H_
#define ELDR_TESTS_SUPPORT_STATUS_MATCHERS_H_

#include <ostream>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gmock/gmock.h"

namespace eldr {
namespace status_matchers_internal {

inline const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& status_or) {
  return status_or.status();
}

// IsOkAndHolds before the type of the StatusOr is known.
template <typename Inner>
class IsOkAndHoldsMatcher {
 public:
  explicit IsOkAndHoldsMatcher(Inner inner) : inner_(std::move(inner)) {}

  template <typename StatusOrRef>
  operator ::testing::Matcher<StatusOrRef>() const {  // NOLINT: how gmock makes matchers
    return ::testing::Matcher<StatusOrRef>(new Typed<StatusOrRef>(inner_));
  }

 private:
  template <typename StatusOrRef>
  class Typed final : public ::testing::MatcherInterface<StatusOrRef> {
   public:
    using Value = typename std::remove_cvref_t<StatusOrRef>::value_type;

    explicit Typed(const Inner& inner) : inner_(::testing::SafeMatcherCast<const Value&>(inner)) {}

    void DescribeTo(std::ostream* os) const override {
      *os << "is OK and has a value that ";
      inner_.DescribeTo(os);
    }
    void DescribeNegationTo(std::ostream* os) const override {
      *os << "is an error or has a value that ";
      inner_.DescribeNegationTo(os);
    }
    bool MatchAndExplain(StatusOrRef actual,
                         ::testing::MatchResultListener* listener) const override {
      if (!actual.ok()) {
        *listener << "whose status is " << actual.status();
        return false;
      }
      return inner_.MatchAndExplain(*actual, listener);
    }

   private:
    const ::testing::Matcher<const Value&> inner_;
  };

  const Inner inner_;
};

}  // namespace status_matchers_internal

// A Status or StatusOr that is OK.
MATCHER(IsOk, negation ? "is an error" : "is OK") {
  const absl::Status& status = status_matchers_internal::StatusOf(arg);
  if (!status.ok()) *result_listener << "whose status is " << status;
  return status.ok();
}

// An error with this code whose message matches; `message` is a string or a matcher of strings.
MATCHER_P2(StatusIs, code, message,
           "has code " + absl::StatusCodeToString(code) + " and a message that " +
               ::testing::DescribeMatcher<std::string>(message, negation)) {
  const absl::Status& status = status_matchers_internal::StatusOf(arg);
  *result_listener << "whose status is " << status;
  return status.code() == code && ::testing::Matches(::testing::MatcherCast<std::string>(message))(
                                      std::string(status.message()));
}

// The same without a word about the message.
MATCHER_P(StatusIs, code, "has code " + absl::StatusCodeToString(code)) {
  const absl::Status& status = status_matchers_internal::StatusOf(arg);
  *result_listener << "whose status is " << status;
  return status.code() == code;
}

// A StatusOr that is OK and whose value matches `inner`.
template <typename Inner>
auto IsOkAndHolds(Inner inner) {
  return status_matchers_internal::IsOkAndHoldsMatcher<Inner>(std::move(inner));
}

}  // namespace eldr

#endif  // ELDR_TESTS_SUPPORT_STATUS_MATCHERS_H_
