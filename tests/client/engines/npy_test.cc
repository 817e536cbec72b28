#include "client/engines/npy.h"

#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/engines/engine_samples.h"
#include "tests/support/invalid_argument.h"
#include "tests/support/status_matchers.h"

namespace eldr::engines {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

absl::StatusOr<RoutedExperts> Parse(absl::string_view bytes) { return ParseNpy(bytes, {}); }

constexpr char kHeader[] = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1, 3), }";

TEST(NpyTest, ReadsBytesInEveryVersion) {
  for (const int version : {1, 2, 3}) {
    const auto experts = Parse(NpyBytes(kHeader, std::string("\0\1\2\3\4\377", 6), version));
    ASSERT_THAT(experts, IsOk());
    EXPECT_EQ(experts->tokens, 2u);
    EXPECT_EQ(experts->layers, 1u);
    EXPECT_EQ(experts->top_k, 3u);
    EXPECT_THAT(experts->Row(0), ElementsAre(0, 1, 2));
    EXPECT_THAT(experts->Row(1), ElementsAre(3, 4, 255));
  }
}

TEST(NpyTest, ReadsWiderIds) {
  const auto two = Parse(NpyBytes("{'descr': '<u2', 'fortran_order': False, 'shape': (1, 1, 2)}",
                                  std::string("\x00\x01\xff\x0f", 4)));
  ASSERT_THAT(two, IsOk());
  EXPECT_THAT(two->Row(0), ElementsAre(256, 4095));
  const auto four = Parse(NpyBytes("{'shape':(1,2,1),'fortran_order':False,'descr':\"<i4\"}",
                                   std::string("\x07\0\0\0\x01\x02\0\0", 8)));
  ASSERT_THAT(four, IsOk());
  EXPECT_EQ(four->layers, 2u);
  EXPECT_THAT(four->Row(0), ElementsAre(7, 513));
}

TEST(NpyTest, ReadsSignedAndWiderIdsToo) {
  const auto read = [](const std::string& descr, const std::string& data) {
    return Parse(NpySample(descr, "1, 1, 2", data));
  };
  const std::vector<std::int64_t> ids = {7, 300};
  for (const auto& routed :
       {read("<i2", Packed<std::int16_t>(ids)), read("<u4", Packed<std::uint32_t>(ids)),
        read("<i8", Packed<std::int64_t>(ids))}) {
    ASSERT_THAT(routed, IsOk());
    EXPECT_THAT(routed->Row(0), ElementsAre(7, 300));
  }
  EXPECT_THAT(read("<i8", Packed<std::int64_t>({7, std::int64_t{1} << 32})),
              StatusIs(kInvalid, HasSubstr("expert id 4294967296, expected 0 to 4095")));
  EXPECT_THAT(read("<u4", Packed<std::uint32_t>({7, 0xffffffff})),
              StatusIs(kInvalid, HasSubstr("expert id 4294967295")));
}

TEST(NpyTest, RefusesEveryPrefixOfAFile) {
  const std::string bytes = NpyBytes(kHeader, "012345");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(Parse(bytes.substr(0, size)), StatusIs(kInvalid)) << "of " << size << " bytes";
  }
}

TEST(NpyTest, RefusesBytesAfterTheData) {
  EXPECT_THAT(Parse(NpyBytes(kHeader, "0123456")), StatusIs(kInvalid, HasSubstr("7 bytes")));
}

TEST(NpyTest, RefusesWrongMagicAndVersion) {
  std::string bytes = NpyBytes(kHeader, "012345");
  bytes[6] = 4;
  EXPECT_THAT(Parse(bytes), StatusIs(kInvalid, HasSubstr("version 4.0")));
  bytes[0] = 'x';
  EXPECT_THAT(Parse(bytes), StatusIs(kInvalid, HasSubstr("magic \"xNUMPY\"")));
}

struct BadHeader {
  const char* header;
  const char* message;
};

TEST(NpyTest, RefusesBadHeaders) {
  const BadHeader cases[] = {
      {"{'descr': '|u1', 'fortran_order': True, 'shape': (2, 1, 3)}", "fortran_order True"},
      {"{'descr': '>u2', 'fortran_order': False, 'shape': (1, 1, 3)}", "descr \">u2\""},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1, 3)}", "descr \"<f4\""},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (6,)}", "shape (6): expected (tokens"},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': ()}", "shape ()"},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (0, 1, 3)}", "no dimension of 0"},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (3, 1, 3)}", "6 bytes of data"},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (2, -1, 3)}", "expected a number"},
      {"{'descr': '|u1', 'fortran_order': False}", "expected the keys"},
      {"{'descr': '|u1', 'descr': '|u1'}", "key \"descr\""},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1, 3), 'x': 1}", "key \"x\""},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (2, 1, 3)} x", "nothing after"},
      {"{'descr': '|u1, 'fortran_order': False, 'shape': (2, 1, 3)}", "header: "},
      {"", "expected '{'"},
  };
  for (const BadHeader& bad : cases) {
    EXPECT_THAT(Parse(NpyBytes(bad.header, "012345")), StatusIs(kInvalid, HasSubstr(bad.message)))
        << bad.header;
  }
}

// A product of these dimensions is 6 in 64 bits; nothing may be allocated for it.
TEST(NpyTest, RefusesShapesThatOverflow) {
  for (const char* shape : {"(4611686018427387905, 4, 1)", "(18446744073709551615, 1, 1)",
                            "(4294967296, 4294967296, 6)", "(99999999999999999999, 1, 1)"}) {
    const std::string header =
        absl::StrCat("{'descr': '|u1', 'fortran_order': False, 'shape': ", shape, "}");
    EXPECT_THAT(Parse(NpyBytes(header, "012345")), StatusIs(kInvalid)) << shape;
  }
}

TEST(NpyTest, RefusesIdsOutOfRange) {
  const std::string header = "{'descr': '<i4', 'fortran_order': False, 'shape': (1, 1, 2)}";
  EXPECT_THAT(Parse(NpyBytes(header, std::string("\0\0\0\0\xff\xff\xff\xff", 8))),
              StatusIs(kInvalid, HasSubstr("choice 1: expert id -1")));
  EXPECT_THAT(Parse(NpyBytes(header, std::string("\x00\x10\0\0\0\0\0\0", 8))),
              StatusIs(kInvalid, HasSubstr("choice 0: expert id 4096, expected 0 to 4095")));
}

TEST(NpyTest, RefusesAHeaderOfAbsurdSize) {
  std::string many = "(";
  for (int i = 0; i < 40; ++i) many += "1, ";
  EXPECT_THAT(Parse(NpyBytes("{'shape': " + many + ")}", "0")),
              StatusIs(kInvalid, HasSubstr("at most 32 dimensions")));
  EXPECT_THAT(
      Parse(std::string("\x93NUMPY\2\0\xff\xff\xff\xff{", 13)),
      StatusIs(kInvalid, HasSubstr("header of 4294967295 bytes: got 1 bytes after its length")));
  EXPECT_THAT(Parse(NpyBytes("{'descr':'|u1','fortran_order':False,'shape':(1,5000,1)}", "0")),
              StatusIs(kInvalid, HasSubstr("at most 4096 layers")));
}

}  // namespace
}  // namespace eldr::engines
