#include "client/ctl/npy_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/client/temp_file.h"
#include "tests/support/status_matchers.h"

namespace eldr::ctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(NpyFileTest, ReadsEachTypeOfId) {
  const TempFile one(NpyBytes("|u1", "3, 1, 2", std::string("\0\1\2\3\4\377", 6)));
  auto file = NpyFile::Open(one.path());
  ASSERT_THAT(file, IsOk());
  EXPECT_EQ(file->header().tokens, 3u);
  EXPECT_EQ(file->header().layers, 1u);
  EXPECT_EQ(file->header().top_k, 2u);
  EXPECT_THAT(file->ReadTokens(1, 3), IsOkAndHolds(ElementsAre(2, 3, 4, 255)));
  EXPECT_THAT(file->ReadTokens(0, 1), IsOkAndHolds(ElementsAre(0, 1)));

  const TempFile two(NpyBytes("<u2", "1, 1, 2", std::string("\1\2\377\377", 4)));
  EXPECT_THAT(NpyFile::Open(two.path())->ReadTokens(0, 1), IsOkAndHolds(ElementsAre(513, 65535)));

  const TempFile four(NpyBytes("<i4", "1, 2, 1", std::string("\1\0\1\0\377\377\377\377", 8)));
  EXPECT_THAT(NpyFile::Open(four.path())->ReadTokens(0, 1), IsOkAndHolds(ElementsAre(65537, -1)));
}

TEST(NpyFileTest, RefusesRowsThatAreNotThere) {
  const TempFile temp(NpyBytes("|u1", "2, 1, 1", "\1\2"));
  auto file = NpyFile::Open(temp.path());
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT(file->ReadTokens(1, 3),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("rows 1:3")));
  EXPECT_THAT(file->ReadTokens(1, 1), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(NpyFileTest, RefusesWhatIsNotSuchAFile) {
  const auto refused = [](const std::string& bytes, const std::string& word) {
    const TempFile temp(bytes);
    EXPECT_THAT(NpyFile::Open(temp.path()),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(word)));
  };
  refused("", "does not start");
  refused("PK\3\4 is a zip", "does not start");
  refused(std::string("\x93NUMPY\1\0", 8), "within its header");
  refused(std::string("\x93NUMPY\1\0\x40\0{", 11), "within its header");
  refused(std::string("\x93NUMPY\2\0\xff\xff\xff\xff", 12), "expected at most");
  refused(NpyBytes("<f4", "1, 1, 1", "1234"), "descr is \"<f4\"");
  refused(NpyBytes(">u2", "1, 1, 1", "12"), "descr");
  refused(NpyBytes("|u1", "1, 1", "1"), "shape is (1, 1)");
  refused(NpyBytes("|u1", "1, 1, -1", "1"), "shape");
  refused(NpyBytes("|u1", "1, 0, 1", ""), "shape");
  refused(NpyBytes("|u1", "18446744073709551615, 1, 1", ""), "more than any");
  refused(NpyBytes("|u1", "2, 1, 1", "1"), "expected");
  refused(NpyBytes("|u1", "1, 1, 1", "12"), "expected");
  EXPECT_THAT(NpyFile::Open("/nonexistent.npy"), StatusIs(absl::StatusCode::kNotFound));
}

TEST(NpyFileTest, RefusesFortranOrder) {
  EXPECT_THAT(ParseNpyHeader("{'descr': '|u1', 'fortran_order': True, 'shape': (1, 1, 1)}"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("C order")));
}

}  // namespace
}  // namespace eldr::ctl
