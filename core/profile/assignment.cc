#include "core/profile/assignment.h"

// Spares the library: nothing but templates is used.
#define LEMON_ONLY_TEMPLATES
#include <lemon/network_simplex.h>
#include <lemon/smart_graph.h>

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstddef>

namespace eldr {
namespace {

using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Index = Eigen::Index;

Eigen::Map<const Rows> AsMatrix(const VectorSet& vectors) {
  return {vectors.values().data(), static_cast<Index>(vectors.size()),
          static_cast<Index>(vectors.dimension())};
}

// Integers, because the simplex method is exact and certain to end on them.
double IntegerScale(const VectorSet& costs) {
  float largest = 0;
  for (const float cost : costs.values()) largest = std::max(largest, std::abs(cost));
  return largest > 0 ? 0x1p32 / double{largest} : 1;
}

}  // namespace

VectorSet CosineDistances(const VectorSet& points, const VectorSet& centroids) {
  VectorSet distances(points.size(), centroids.size());
  if (distances.values().empty()) return distances;
  Eigen::Map<Rows> matrix(distances[0].data(), static_cast<Index>(points.size()),
                          static_cast<Index>(centroids.size()));
  matrix.noalias() = AsMatrix(points) * AsMatrix(centroids).transpose();
  matrix.array() = 1.0f - matrix.array();
  return distances;
}

std::vector<std::uint32_t> AssignWithCapacity(const VectorSet& costs, std::size_t capacity) {
  // A transport problem: each row sends one unit to a column, and a last row sends, for nothing,
  // what fills the columns up, so that supply and demand are equal.
  const std::size_t rows = costs.size();
  const std::size_t columns = costs.dimension();
  lemon::SmartDigraph graph;
  graph.reserveNode(static_cast<int>(rows + columns + 1));
  graph.reserveArc(static_cast<int>((rows + 1) * columns));
  for (std::size_t i = 0; i < rows + columns + 1; ++i) graph.addNode();
  const auto node = [&](std::size_t i) { return graph.nodeFromId(static_cast<int>(i)); };
  const std::size_t filler = rows + columns;
  // Arc row * columns + column is that from the row to the column.
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t column = 0; column < columns; ++column) {
      graph.addArc(node(row), node(rows + column));
    }
  }
  for (std::size_t column = 0; column < columns; ++column) {
    graph.addArc(node(filler), node(rows + column));
  }

  lemon::SmartDigraph::ArcMap<std::int64_t> cost(graph, 0);
  const double scale = IntegerScale(costs);
  for (std::size_t i = 0; i < rows * columns; ++i) {
    cost[graph.arcFromId(static_cast<int>(i))] = std::llround(double{costs.values()[i]} * scale);
  }
  lemon::SmartDigraph::NodeMap<std::int64_t> supply(graph, 1);
  for (std::size_t column = 0; column < columns; ++column) {
    supply[node(rows + column)] = -static_cast<std::int64_t>(capacity);
  }
  supply[node(filler)] = static_cast<std::int64_t>(columns * capacity - rows);

  lemon::NetworkSimplex<lemon::SmartDigraph, std::int64_t, std::int64_t> simplex(graph);
  simplex.costMap(cost).supplyMap(supply).run();
  std::vector<std::uint32_t> assigned(rows);
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t column = 0; column < columns; ++column) {
      if (simplex.flow(graph.arcFromId(static_cast<int>(row * columns + column))) > 0) {
        assigned[row] = static_cast<std::uint32_t>(column);
      }
    }
  }
  return assigned;
}

std::vector<std::uint32_t> MatchOneToOne(const VectorSet& from, const VectorSet& to) {
  return AssignWithCapacity(CosineDistances(to, from), 1);
}

}  // namespace eldr
