// SQLite on a disk with faults.
#ifndef ELDR_TESTS_SERVER_STATE_FAULTY_SQLITE_H_
#define ELDR_TESTS_SERVER_STATE_FAULTY_SQLITE_H_

#include <sqlite3.h>

#include "tests/support/disk_faults.h"

namespace eldr {

// While it lives, whatever SQLite opens it opens through it: each file that it makes, writes to,
// cuts, syncs or removes is a step of `faults`, which must outlive it. One at a time.
class FaultySqlite {
 public:
  explicit FaultySqlite(DiskFaults& faults);
  ~FaultySqlite();
  FaultySqlite(const FaultySqlite&) = delete;
  FaultySqlite& operator=(const FaultySqlite&) = delete;

 private:
  sqlite3_vfs vfs_{};
};

}  // namespace eldr

#endif  // ELDR_TESTS_SERVER_STATE_FAULTY_SQLITE_H_
