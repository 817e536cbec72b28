// The survivals of all expert groups of a model, where they are read fast.
#ifndef ELDR_CORE_RESIDENCY_SURVIVAL_ROWS_H_
#define ELDR_CORE_RESIDENCY_SURVIVAL_ROWS_H_

#include <cstddef>

#include "core/residency/row_arena.h"
#include "core/residency/score_kernel.h"

namespace eldr {

// For each map a row of bytes and one of their high halves, see score_kernel.h; rows of a kind are
// neighbours. Outlives the maps. Not thread-safe.
struct SurvivalRows {
  explicit SurvivalRows(std::size_t cells)
      : bytes(PaddedCells(cells)), halves(PaddedCells(cells) / 2) {}

  RowArena bytes;
  RowArena halves;
};

}  // namespace eldr

#endif  // ELDR_CORE_RESIDENCY_SURVIVAL_ROWS_H_
