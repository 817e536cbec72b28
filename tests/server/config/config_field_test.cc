#include "server/config/config_field.h"

#include "gtest/gtest.h"

namespace eldr {
namespace {

TEST(ConfigFieldTest, ReadsAndPrintsSizes) {
  std::uint64_t bytes = 0;
  ASSERT_TRUE(ParseSize("4MiB", &bytes));
  EXPECT_EQ(bytes, 4u << 20);
  ASSERT_TRUE(ParseSize("1000", &bytes));
  EXPECT_EQ(bytes, 1000u);
  ASSERT_TRUE(ParseSize("7B", &bytes));
  EXPECT_EQ(bytes, 7u);
  EXPECT_EQ(FormatSize(0), "0B");
  EXPECT_EQ(FormatSize(1536), "1536B");
  EXPECT_EQ(FormatSize(3u << 10), "3KiB");
  EXPECT_EQ(FormatSize(std::uint64_t{2} << 30), "2GiB");
}

TEST(ConfigFieldTest, RefusesWhatIsNoSize) {
  std::uint64_t bytes = 0;
  for (const char* const text :
       {"", "MiB", "4 M", "4MB", "-1", "1.5GiB", "18446744073709551615KiB"}) {
    EXPECT_FALSE(ParseSize(text, &bytes)) << text;
  }
}

TEST(ConfigFieldTest, ReadsDurations) {
  absl::Duration duration;
  ASSERT_TRUE(ParseDurationText("1h30m", &duration));
  EXPECT_EQ(duration, absl::Minutes(90));
  ASSERT_TRUE(ParseDurationText("0", &duration));
  EXPECT_EQ(duration, absl::ZeroDuration());
  for (const char* const text : {"", "10", "inf", "-inf", "1 s", "s"}) {
    EXPECT_FALSE(ParseDurationText(text, &duration)) << text;
  }
}

// What is printed must be read back as the same value, or --print-config would lie.
TEST(ConfigFieldTest, PrintsWhatItReads) {
  Config config;
  for (ConfigField& field : FieldsOf(config)) {
    if (field.clear) continue;
    std::string text = field.print();
    if (text.front() == '"') text = text.substr(1, text.size() - 2);
    EXPECT_TRUE(field.set(text)) << field.path << ": " << text;
  }
  EXPECT_EQ(PrintConfig(config), PrintConfig(Config{}));
}

}  // namespace
}  // namespace eldr
