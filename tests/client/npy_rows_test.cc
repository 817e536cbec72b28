#include "client/ctl/npy_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/client/temp_file.h"
#include "tests/support/status_matchers.h"

namespace eldr::ctl {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const engines::Geometry kGeometry{1, 8, 2, {}};

TEST(NpyRowsTest, ReadsTheRowsAskedFor) {
  const TempFile temp(NpyBytes("|u1", "3, 1, 2", std::string("\0\1\2\3\4\5", 6)));
  const auto all = ReadNpyRows(temp.path(), {}, kGeometry);
  ASSERT_THAT(all, IsOk());
  EXPECT_THAT(all->ids, ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(ReadNpyRows(temp.path(), {1, 3}, kGeometry)->ids, ElementsAre(2, 3, 4, 5));
  EXPECT_THAT(ReadNpyRows(temp.path(), {0, 1}, kGeometry)->ids, ElementsAre(0, 1));
}

TEST(NpyRowsTest, RefusesRowsThatAreNotThere) {
  const TempFile temp(NpyBytes("|u1", "2, 1, 2", "\1\2\3\4"));
  EXPECT_THAT(ReadNpyRows(temp.path(), {1, 3}, kGeometry),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("rows 1:3")));
  EXPECT_THAT(ReadNpyRows(temp.path(), {1, 1}, kGeometry),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(NpyRowsTest, RefusesWhatIsNotSuchAFile) {
  const auto refused = [](const std::string& bytes, const std::string& word) {
    const TempFile temp(bytes);
    EXPECT_THAT(ReadNpyRows(temp.path(), {}, kGeometry),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr(temp.path()), HasSubstr(word))));
  };
  refused("", "magic");
  refused("PK\3\4 is a zip", "magic");
  refused(std::string("\x93NUMPY\2\0\xff\xff\xff\xff", 12), "header of 4294967295 bytes");
  refused(NpyBytes("<f4", "1, 1, 2", "12345678"), "descr \"<f4\"");
  refused(NpyBytes("|u1", "2, 2", "1234"), "shape (2, 2)");
  refused(NpyBytes("|u1", "18446744073709551615, 1, 2", ""),
          "0 bytes of data do not fit it, expected the product");
  refused(NpyBytes("|u1", "2, 1, 2", "123"), "3 bytes of data");
  refused(NpyBytes("|u1", "1, 1, 2", "123"), "3 bytes of data");
  refused(NpyBytes("|u1", "1, 1, 2", "\1\x8"), "expert id 8, expected 0 to 7");
  EXPECT_THAT(ReadNpyRows("/nonexistent.npy", {}, kGeometry),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(RowRangeTest, ReadsBothEndsOrOne) {
  EXPECT_EQ(ParseRowRange("")->end, std::nullopt);
  EXPECT_EQ(ParseRowRange("3:")->begin, 3u);
  EXPECT_EQ(ParseRowRange(":5")->end, 5u);
  for (const char* bad : {"3", "a:b", "1:2:3", "-1:2"}) {
    EXPECT_THAT(ParseRowRange(bad),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("expected A:B")));
  }
}

}  // namespace
}  // namespace eldr::ctl
