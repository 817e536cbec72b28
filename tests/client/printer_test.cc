#include "client/ctl/printer.h"

#include <gtest/gtest.h>

#include <random>
#include <sstream>
#include <string>

#include "client/ctl/print.h"

namespace eldr::ctl {
namespace {

TEST(PrintableTest, KeepsTextOfAnyScript) {
  for (const char* text : {"", "d0", "rack=r2 \"x\" \\", "Käse", "模型", "модель", "🙂"}) {
    EXPECT_EQ(Printable(text), text);
  }
}

TEST(PrintableTest, ShowsWhatATerminalWouldObey) {
  EXPECT_EQ(Printable("d\x1b[2J\x1b]0;owned\x07"), "d\\x1b[2J\\x1b]0;owned\\x07");
  EXPECT_EQ(Printable("a\nd9  ready\r\t"), "a\\nd9  ready\\r\\t");
  EXPECT_EQ(Printable(absl::string_view("\0\x7f", 2)), "\\x00\\x7f");
  EXPECT_EQ(Printable("\xc2\x9b"
                      "2J"),
            "\\u009b2J")
      << "a control sequence in one character";
  EXPECT_EQ(Printable("\xe2\x80\xae"
                      "gpj"),
            "\\u202egpj")
      << "right to left";
  EXPECT_EQ(Printable("d\xe2\x80\x8b"
                      "0"),
            "d\\u200b0")
      << "no width";
  EXPECT_EQ(Printable("\xf3\xa0\x81\x81"), "\\U000e0041") << "a tag";
}

TEST(PrintableTest, ShowsBytesThatAreNoUtf8) {
  EXPECT_EQ(Printable("\xff"), "\\xff");
  EXPECT_EQ(Printable("\x9b"
                      "2J"),
            "\\x9b2J");
  EXPECT_EQ(Printable("a\xe2\x80"), "a\\xe2\\x80") << "cut";
  EXPECT_EQ(Printable("\xc0\x8a"), "\\xc0\\x8a") << "an overlong end of line";
  EXPECT_EQ(Printable("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "half of a pair";
  EXPECT_EQ(Printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "beyond Unicode";
}

TEST(PrintableTest, IsOneLineOfPrintableTextWhateverComesIn) {
  const auto seed = static_cast<unsigned>(::testing::UnitTest::GetInstance()->random_seed());
  SCOPED_TRACE(::testing::Message() << "rerun with --gtest_random_seed=" << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (auto left = random() % 24; left > 0; --left) text += static_cast<char>(random() & 0xff);
    const std::string printable = Printable(text);
    EXPECT_EQ(Printable(printable), printable) << "of " << ::testing::PrintToString(text);
    for (const char c : printable) {
      EXPECT_FALSE(static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
          << ::testing::PrintToString(text);
    }
  }
}

TEST(PrinterTest, ChecksAllButWhatStandsInTheProgram) {
  std::ostringstream stream;
  Printer out = stream;
  const std::string name = "a\nb";
  const char* const pointer = "c\nd";
  out << "name\n" << name << absl::string_view(name) << pointer << 7 << 0.5 << "\n";
  EXPECT_EQ(stream.str(), "name\na\\nba\\nbc\\nd70.5\n");
}

TEST(TableTest, RowsAndColumnsAreItsOwn) {
  Table table({"A", "B"});
  table.AddRow({"x\ny", "1"});
  table.AddRow({"Kä", "2"});
  std::ostringstream out;
  table.Print(out);
  EXPECT_EQ(out.str(), "A     B\nx\\ny  1\nKä    2\n");
}

}  // namespace
}  // namespace eldr::ctl
