// What eldrctl prints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "client/ctl/print.h"
#include "client/ctl/residency_view.h"
#include "client/src/proto_duration.h"
#include "eldr/v1/models.pb.h"
#include "tests/support/status_matchers.h"

namespace eldr::ctl {
namespace {

using ::testing::HasSubstr;

TEST(TableTest, AlignsColumnsAndMarksEmptyCells) {
  Table table({"A", "LONG"});
  table.AddRow({"wide cell", ""});
  std::ostringstream out;
  table.Print(out);
  EXPECT_EQ(out.str(), "A          LONG\nwide cell  -\n");
}

TEST(PrintFieldsTest, AlignsValues) {
  std::ostringstream out;
  PrintFields({{"a", "1"}, {"long", ""}}, out);
  EXPECT_EQ(out.str(), "a     1\nlong  -\n");
}

TEST(PrintJsonTest, KeepsNamesAndZeroes) {
  v1::ModelGeometry geometry;
  geometry.set_layers(3);
  std::ostringstream out;
  ASSERT_THAT(PrintJson(geometry, out), IsOk());
  EXPECT_THAT(out.str(), HasSubstr("\"layers\": 3"));
  EXPECT_THAT(out.str(), HasSubstr("\"top_k\": 0"));
  EXPECT_THAT(out.str(), HasSubstr("\"moe_hidden_layers\": []"));
}

TEST(DurationTextTest, ChoosesTheUnit) {
  const auto text = [](absl::Duration d) { return DurationText(client::internal::ToProto(d)); };
  EXPECT_EQ(text(absl::ZeroDuration()), "0s");
  EXPECT_EQ(text(absl::Microseconds(12)), "12us");
  EXPECT_EQ(text(absl::Microseconds(12'345)), "12.35ms");
  EXPECT_EQ(text(absl::Milliseconds(1500)), "1.5s");
  EXPECT_EQ(text(absl::Seconds(600)), "10m");
}

TEST(HeatmapTest, PrintsALinePerLayerWithItsSum) {
  v1::GetResidencyResponse residency;
  residency.set_model("m");
  residency.set_expert_group("d0");
  residency.set_layers(2);
  residency.set_experts(4);
  for (const float p : {0.f, 1.f, 0.5f, 0.02f, 1.f, 1.f, 0.f, 0.f}) residency.add_activation(p);
  std::ostringstream out;
  PrintHeatmap(residency, 4, false, out);
  EXPECT_THAT(out.str(), HasSubstr("   0 | @+ | 1.52\n   1 |@@  | 2.00\n"));
  EXPECT_THAT(out.str(), HasSubstr("expected distinct experts per layer: 1.76\n"));
  std::ostringstream narrow;
  PrintHeatmap(residency, 2, false, narrow);
  EXPECT_THAT(narrow.str(), HasSubstr("2 experts a cell"));
  EXPECT_THAT(narrow.str(), HasSubstr("   1 |@ | 2.00\n"));
  std::ostringstream coloured;
  PrintHeatmap(residency, 4, true, coloured);
  EXPECT_THAT(coloured.str(), HasSubstr("   1 |\033[48;5;231m \033[48;5;231m \033[48;5;233m "
                                        "\033[48;5;233m \033[0m| 2.00\n"));
}

}  // namespace
}  // namespace eldr::ctl
