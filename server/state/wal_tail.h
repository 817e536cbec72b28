// Tells whether the end of a SQLite write-ahead log was cut off.
#ifndef ELDR_SERVER_STATE_WAL_TAIL_H_
#define ELDR_SERVER_STATE_WAL_TAIL_H_

#include <cstdint>
#include <string>

namespace eldr {

// SQLite itself drops what follows the last whole transaction without a word. This counts the
// frames (pages, whole or torn) that the log's present generation holds, good or bad: those beyond
// what SQLite then recovers were cut off. Frames of former generations, which lie behind them, do
// not count. 0 if there is no log. Call it before the file is opened.
std::uint64_t CountLogFrames(const std::string& log_path);

}  // namespace eldr

#endif  // ELDR_SERVER_STATE_WAL_TAIL_H_
