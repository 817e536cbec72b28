#include "server/config/utf8.h"

#include "gtest/gtest.h"

namespace eldr {
namespace {

TEST(Utf8Test, ReadsCharactersOfEachLength) {
  const struct {
    absl::string_view text;
    std::uint32_t code;
    std::size_t bytes;
  } cases[] = {{"a", 'a', 1},
               {absl::string_view("\0b", 2), 0, 1},
               {"\x7f", 0x7f, 1},
               {"\xc2\x80", 0x80, 2},
               {"\xc3\xa9z", 0xe9, 2},
               {"\xe2\x80\xa8", 0x2028, 3},
               {"\xef\xbb\xbf", 0xfeff, 3},
               {"\xf0\x9f\x98\x80", 0x1f600, 4},
               {"\xf4\x8f\xbf\xbf", 0x10ffff, 4}};
  for (const auto& c : cases) {
    const Utf8Character character = FirstUtf8Character(c.text);
    EXPECT_EQ(character.code, c.code);
    EXPECT_EQ(character.bytes, c.bytes) << std::hex << c.code;
  }
}

TEST(Utf8Test, KnowsWhatIsNoUtf8) {
  for (const char* const text :
       {"\x80", "\xbfz", "\xc2", "\xc2z", "\xe2\x80", "\xff\xfe", "\xfe", "\xf8\x88\x80\x80\x80",
        "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xf0\x80\x80\x80",  // longer than they need be
        "\xed\xa0\x80", "\xed\xbf\xbf",                              // halves of a pair
        "\xf4\x90\x80\x80", "\xf7\xbf\xbf\xbf"}) {                   // beyond the last
    EXPECT_EQ(FirstUtf8Character(text).bytes, 0u) << text;
  }
}

TEST(Utf8Test, LooksAtAllOfAText) {
  EXPECT_TRUE(IsUtf8(""));
  EXPECT_TRUE(IsUtf8("a\xc3\xa9 \xf0\x9f\x98\x80"));
  EXPECT_FALSE(IsUtf8("a\xc3\xa9\x85z"));
  EXPECT_FALSE(IsUtf8("a\xc3"));
}

TEST(Utf8Test, TellsHiddenCharacters) {
  for (const std::uint32_t code : {0x0u, 0x1bu, 0x7fu, 0x80u, 0x85u, 0x9fu, 0xadu, 0x200bu, 0x202eu,
                                   0x2028u, 0x2060u, 0x2066u, 0xfeffu}) {
    EXPECT_TRUE(IsHiddenCharacter(code)) << code;
  }
  for (const std::uint32_t code :
       {0x9u, 0xau, 0xdu, 0x20u, 0x7eu, 0xa0u, 0xe9u, 0x2014u, 0x2030u, 0x1f600u}) {
    EXPECT_FALSE(IsHiddenCharacter(code)) << code;
  }
}

}  // namespace
}  // namespace eldr
