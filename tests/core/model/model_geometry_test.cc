#include "core/model/model_geometry.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"

namespace eldr {
namespace {

using ::testing::HasSubstr;

TEST(ModelGeometryTest, AcceptsItsLimits) {
  EXPECT_THAT(ValidateGeometry({1, 2, 1, {}}), IsOk());
  EXPECT_THAT(ValidateGeometry({1024, 256, 256, {}}), IsOk());
  EXPECT_THAT(ValidateGeometry({64, 4096, 4096, {}}), IsOk());
  EXPECT_THAT(ValidateGeometry({3, 8, 2, {0, 5, 9}}), IsOk());
}

TEST(ModelGeometryTest, NamesTheFieldThatIsOutOfRange) {
  const struct {
    ModelGeometry geometry;
    std::string message;
  } cases[] = {
      {{0, 8, 2, {}}, "geometry.layers: got 0, expected 1 to 1024"},
      {{1025, 8, 2, {}}, "geometry.layers: got 1025, expected 1 to 1024"},
      {{2, 1, 1, {}}, "geometry.experts: got 1, expected 2 to 4096"},
      {{2, 4097, 1, {}}, "geometry.experts: got 4097, expected 2 to 4096"},
      {{2, 8, 0, {}}, "geometry.top_k: got 0, expected 1 to 8"},
      {{2, 8, 9, {}}, "geometry.top_k: got 9, expected 1 to 8"},
      {{65, 4096, 8, {}}, "layers * experts is 266240, expected at most 262144"},
      {{2, 8, 2, {1}}, "geometry.moe_hidden_layers: got 1 layers, expected 2"},
      {{2, 8, 2, {4, 4}}, "geometry.moe_hidden_layers[1]: got 4, expected more than"},
      {{3, 8, 2, {1, 5, 3}}, "geometry.moe_hidden_layers[2]: got 3, expected more than"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(ValidateGeometry(c.geometry),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.message)));
  }
}

TEST(ModelGeometryTest, CountsCellsAndDescribesItself) {
  const ModelGeometry geometry = {48, 128, 8, {}};
  EXPECT_EQ(geometry.cells(), 6144u);
  EXPECT_EQ(DescribeGeometry(geometry), "48 layers x 128 experts, top-8");
}

}  // namespace
}  // namespace eldr
