// What `eldrctl top` shows, as text.
#ifndef ELDR_CLIENT_CTL_TOP_VIEW_H_
#define ELDR_CLIENT_CTL_TOP_VIEW_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "eldr/v1/fleet.pb.h"
#include "eldr/v1/history.pb.h"

namespace eldr::ctl {

// By what the nodes are sorted; the key of each is its first letter.
enum class TopSort { kNode, kLoad, kKv, kStep, kHeartbeat, kExperts };

// What the keys have chosen.
struct TopState {
  TopSort sort = TopSort::kNode;
  bool reverse = false;
  std::string filter;     // only nodes whose id, model or state has it
  bool editing = false;   // letters go to the filter
  std::size_t first = 0;  // row that is shown first
  bool help = false;
  std::string error;  // of the last call, if it failed
};

// Takes a key: a letter, or one of Terminal::Key. False: the user is done. `rows` are shown at a
// time.
bool TakeKey(int key, std::size_t rows, TopState& state);

// The nodes that pass the filter, in their order.
std::vector<const v1::Node*> TopNodes(const v1::ListNodesResponse& nodes, const TopState& state);

// "12:00:00  8 nodes, 7 take placements, 96 leases", and how many of them are shown, if not all.
std::string SummaryText(const v1::ListNodesResponse& nodes, std::size_t shown, absl::Time now);

// "moe  2.4 placements/s", and further parts each after two blanks, of the newest point; of a model
// without a history only its name.
std::string TotalsText(const v1::GetHistoryResponse& history);

// `rows` lines of at most `columns` characters; state.first is put into range.
std::string DrawTop(const v1::ListNodesResponse& nodes,
                    const std::vector<v1::GetHistoryResponse>& histories, absl::Time now,
                    std::size_t columns, std::size_t rows, bool colours, TopState& state);

}  // namespace eldr::ctl

#endif  // ELDR_CLIENT_CTL_TOP_VIEW_H_
