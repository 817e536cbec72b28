// The file that keeps a router's state: rows in a SQLite database.
#ifndef ELDR_SERVER_STATE_STATE_FILE_H_
#define ELDR_SERVER_STATE_STATE_FILE_H_

#include <sqlite3.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace eldr {

// Rows carry a checksum; one whose checksum fails is left out and counted. Errors of writing are
// UNAVAILABLE, with SQLite's text. Not thread-safe.
class StateFile {
 public:
  // Each kind has keys of its own. The numbers are stored.
  enum class Kind : std::uint8_t { kModel = 1, kNode = 2, kLearned = 3, kPolicy = 4, kShadow = 5 };
  // The format that this program reads and writes.
  static constexpr std::uint32_t kFormat = 1;

  // Opens a file that is there. `durable`: a commit returns when it is on disk; else the system
  // writes when it likes. One process at a time has it open.
  //   FAILED_PRECONDITION  it is not a state file, or of a newer format; it was not touched
  //   UNAVAILABLE          it cannot be opened, or another process has it
  static absl::StatusOr<std::unique_ptr<StateFile>> Open(const std::string& path, bool durable);
  // Makes a file where there is none, with a Begin() that only Finish() ends. After an error or a
  // crash before that, what is there is worth nothing.
  static absl::StatusOr<std::unique_ptr<StateFile>> Build(const std::string& path);
  // Of a file from Build(): closes it, whole and on disk if OK.
  static absl::Status Finish(std::unique_ptr<StateFile> built);
  // Closes it as it is: no more is written to it.
  static void Abandon(std::unique_ptr<StateFile> file);
  ~StateFile();
  StateFile(const StateFile&) = delete;
  StateFile& operator=(const StateFile&) = delete;

  absl::Status Begin();
  // On an error nothing since Begin() was written.
  absl::Status Commit();
  // Harmless without a Begin().
  void Rollback();
  absl::Status Put(Kind kind, absl::string_view key, absl::string_view body);
  absl::Status Erase(Kind kind, absl::string_view key);
  absl::Status PutLease(std::uint64_t id, absl::string_view body);
  absl::Status PutContribution(std::uint64_t lease_id, absl::Span<const std::uint8_t> codes);
  // And its contribution.
  absl::Status EraseLease(std::uint64_t id);
  // The largest lease id ever stored, so that none is given twice.
  absl::Status PutLastLeaseId(std::uint64_t id);
  // Moves committed rows from the log into the file, if the log has grown enough to be worth it.
  void MaybeCheckpoint();

  using Row = absl::FunctionRef<void(absl::string_view key, absl::string_view body)>;
  using NumberedRow = absl::FunctionRef<void(std::uint64_t id, absl::string_view body)>;
  void ReadAll(Kind kind, Row row);
  void ReadLeases(NumberedRow row);
  std::uint64_t ReadLastLeaseId();
  // At most `limit` contributions with ids above `after`, ascending. Answers the largest id read,
  // or `after` if there are no more.
  std::uint64_t ReadContributions(std::uint64_t after, int limit, NumberedRow row);

  // Pages at the end of the log that were cut off when it was opened: torn or corrupt, or of a
  // transaction that never ended.
  std::uint64_t cut_off() const { return cut_off_; }
  // Rows that were left out for their checksum.
  std::uint64_t bad_rows() const { return bad_rows_; }
  // The file's own structure is damaged: not all rows can be found, and none can be written.
  bool damaged() const { return damaged_; }
  // Of all its files on disk.
  std::uint64_t bytes() const;

 private:
  enum Statement : std::uint8_t {
    kBegin,
    kCommit,
    kPut,
    kErase,
    kPutLease,
    kPutContribution,
    kEraseLease,
    kEraseContribution,
    kStatements
  };

  explicit StateFile(std::string path) : path_(std::move(path)) {}
  absl::Status Connect(bool durable);
  absl::Status MakeSchema();
  absl::Status Execute(const char* sql);
  absl::Status Prepare();
  absl::Status Run(Statement statement);
  absl::Status Failure(absl::string_view what) const;
  // Runs a query whose rows are (key, body, checksum); answers whether it came to its end.
  bool Query(sqlite3_stmt* query, NumberedRow row);
  sqlite3_stmt* PrepareQuery(const char* sql);
  void CheckStructure();

  const std::string path_;
  sqlite3* database_ = nullptr;
  std::array<sqlite3_stmt*, kStatements> statements_{};
  int log_frames_ = 0;
  std::uint64_t cut_off_ = 0;
  std::uint64_t bad_rows_ = 0;
  bool damaged_ = false;
};

}  // namespace eldr

#endif  // ELDR_SERVER_STATE_STATE_FILE_H_
