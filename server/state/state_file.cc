#include "server/state/state_file.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/base/file_system.h"
#include "core/base/status_macros.h"
#include "server/state/wal_tail.h"

namespace eldr {
namespace {

// In the header of every state file; "ELDR".
constexpr std::uint32_t kApplicationId = 0x454c4452;
// A log of 16 MiB is moved into the file.
constexpr int kCheckpointFrames = 4096;

constexpr char kSchema[] =
    "CREATE TABLE entry(kind INTEGER, key TEXT, body BLOB, sum INTEGER, PRIMARY KEY(kind, key));"
    "CREATE TABLE lease(id INTEGER PRIMARY KEY, body BLOB, sum INTEGER);"
    "CREATE TABLE contribution(id INTEGER PRIMARY KEY, body BLOB, sum INTEGER);";
constexpr char kLastLeaseKey[] = "last_lease_id";
constexpr int kLastLeaseKind = 0;

// The key belongs to it, so that a row never passes for another.
std::int64_t SumOf(absl::string_view key, absl::string_view body) {
  const auto add = [](uLong sum, absl::string_view bytes) {
    return crc32_z(sum, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  };
  return static_cast<std::int64_t>(add(add(0, key), body));
}

std::int64_t SumOf(std::uint64_t id, absl::string_view body) {
  return SumOf(absl::string_view(reinterpret_cast<const char*>(&id), sizeof(id)), body);
}

absl::string_view ColumnBytes(sqlite3_stmt* query, int column) {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(query, column));
  return {data,
          data == nullptr ? 0 : static_cast<std::size_t>(sqlite3_column_bytes(query, column))};
}

std::uint32_t BigEndian(const char* bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

// Reads the header by itself: SQLite may write to whatever it opens.
absl::Status CheckHeader(const std::string& path) {
  std::array<char, 100> header{};
  std::error_code error;
  std::ifstream file;
  // To open a pipe would wait for whoever writes to it.
  if (std::filesystem::is_regular_file(path, error)) {
    errno = 0;
    file.open(path, std::ios::binary);
    if (!file.is_open()) return FileError(errno, path, "cannot be opened");
  } else if (error) {
    return FileError(error.value(), path, "cannot be opened");
  }
  constexpr char kMagic[16] = "SQLite format 3";
  if (!file.is_open() || !file.read(header.data(), header.size()) ||
      std::memcmp(header.data(), kMagic, sizeof(kMagic)) != 0 ||
      BigEndian(header.data() + 68) != kApplicationId) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, ": is not a state file of eldrd, expected one, or none; it was left untouched"));
  }
  const std::uint32_t format = BigEndian(header.data() + 60);
  if (format == StateFile::kFormat) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(path, ": has format ", format, ", expected ", StateFile::kFormat,
                   ", the one that this eldrd reads; it was left untouched"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<StateFile>> StateFile::Open(const std::string& path, bool durable) {
  ELDR_RETURN_IF_ERROR(CheckHeader(path));
  const std::uint64_t frames = CountLogFrames(path + "-wal");
  std::unique_ptr<StateFile> file(new StateFile(path));
  ELDR_RETURN_IF_ERROR(file->Connect(durable));
  int recovered = -1;
  sqlite3_wal_checkpoint_v2(file->database_, nullptr, SQLITE_CHECKPOINT_PASSIVE, &recovered,
                            nullptr);
  // On a full disk it tells nothing, and the rows stay in the log.
  const auto whole = static_cast<std::uint64_t>(std::max(recovered, 0));
  if (recovered >= 0 && frames > whole) file->cut_off_ = frames - whole;
  // What was cut off may have been moved into the file in part.
  if (recovered < 0 || file->cut_off_ > 0) file->CheckStructure();
  return file;
}

absl::StatusOr<std::unique_ptr<StateFile>> StateFile::Build(const std::string& path) {
  std::unique_ptr<StateFile> file(new StateFile(path));
  ELDR_RETURN_IF_ERROR(file->MakeSchema());
  ELDR_RETURN_IF_ERROR(file->Prepare());
  return file;
}

absl::Status StateFile::MakeSchema() {
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(path_.c_str(), &database_, kFlags, nullptr) != SQLITE_OK) {
    return Failure("open");
  }
  // Without a journal, as a half of it is of no use. The commit syncs the file.
  return Execute(absl::StrCat("PRAGMA locking_mode=EXCLUSIVE;PRAGMA journal_mode=OFF;"
                              "PRAGMA synchronous=FULL;PRAGMA cache_size=-16384;BEGIN IMMEDIATE;"
                              "PRAGMA application_id=",
                              kApplicationId, ";PRAGMA user_version=", kFormat, ";", kSchema)
                     .c_str());
}

absl::Status StateFile::Finish(std::unique_ptr<StateFile> built) {
  ELDR_RETURN_IF_ERROR(built->Commit());
  // Set here, as the file may be full of state and the disk full when it is opened next.
  return built->Execute("PRAGMA journal_mode=WAL");
}

void StateFile::Abandon(std::unique_ptr<StateFile> file) {
  sqlite3_db_config(file->database_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

StateFile::~StateFile() {
  for (sqlite3_stmt* statement : statements_) sqlite3_finalize(statement);
  sqlite3_close(database_);
}

absl::Status StateFile::Connect(bool durable) {
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(path_.c_str(), &database_, kFlags, nullptr) != SQLITE_OK) {
    return Failure("open");
  }
  // Exclusive: no other process, and no shared memory beside the log. Not trusted: a file may come
  // from anywhere.
  ELDR_RETURN_IF_ERROR(
      Execute("PRAGMA locking_mode=EXCLUSIVE;PRAGMA trusted_schema=OFF;PRAGMA cell_size_check=ON;"
              "PRAGMA cache_size=-16384;PRAGMA journal_size_limit=67108864;"
              "PRAGMA wal_autocheckpoint=0"));
  ELDR_RETURN_IF_ERROR(Execute(durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=OFF"));
  const int code =
      sqlite3_exec(database_, "PRAGMA journal_mode=WAL", nullptr, nullptr, nullptr) & 0xff;
  // A disk that fails at the moment is no reason to give a file up; one that ends early is.
  damaged_ = code == SQLITE_CORRUPT || code == SQLITE_NOTADB ||
             sqlite3_extended_errcode(database_) == SQLITE_IOERR_SHORT_READ;
  if (damaged_) return absl::OkStatus();
  if (code != SQLITE_OK) return Failure("open");
  sqlite3_wal_hook(
      database_,
      [](void* frames, sqlite3*, const char*, int count) {
        *static_cast<int*>(frames) = count;
        return SQLITE_OK;
      },
      &log_frames_);
  // A schema that is not ours can not be prepared for, or is not to be believed.
  if (!Prepare().ok()) damaged_ = true;
  return absl::OkStatus();
}

absl::Status StateFile::Prepare() {
  constexpr const char* kSql[kStatements] = {"BEGIN IMMEDIATE",
                                             "COMMIT",
                                             "INSERT OR REPLACE INTO entry VALUES(?, ?, ?, ?)",
                                             "DELETE FROM entry WHERE kind=? AND key=?",
                                             "INSERT OR REPLACE INTO lease VALUES(?, ?, ?)",
                                             "INSERT OR REPLACE INTO contribution VALUES(?, ?, ?)",
                                             "DELETE FROM lease WHERE id=?",
                                             "DELETE FROM contribution WHERE id=?"};
  for (std::size_t i = 0; i < kStatements; ++i) {
    if (sqlite3_prepare_v3(database_, kSql[i], -1, SQLITE_PREPARE_PERSISTENT, &statements_[i],
                           nullptr) != SQLITE_OK) {
      return Failure("prepare");
    }
  }
  return absl::OkStatus();
}

void StateFile::CheckStructure() {
  sqlite3_stmt* const query = PrepareQuery("PRAGMA quick_check(1)");
  const bool sound =
      query != nullptr && sqlite3_step(query) == SQLITE_ROW && ColumnBytes(query, 0) == "ok";
  sqlite3_finalize(query);
  if (!sound) damaged_ = true;
}

absl::Status StateFile::Failure(absl::string_view what) const {
  if (sqlite3_errcode(database_) == SQLITE_BUSY) {
    return absl::UnavailableError(
        absl::StrCat(path_, ": another process has it open, expected one eldrd per state_dir"));
  }
  const int code = sqlite3_errcode(database_) & 0xff;
  const int reason =
      code == SQLITE_CANTOPEN || code == SQLITE_IOERR ? sqlite3_system_errno(database_) : 0;
  return absl::UnavailableError(absl::StrCat(path_, ": ", what, ": ", sqlite3_errmsg(database_),
                                             reason == 0 ? "" : ": ",
                                             reason == 0 ? "" : std::strerror(reason)));
}

absl::Status StateFile::Execute(const char* sql) {
  if (sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) == SQLITE_OK) return absl::OkStatus();
  return Failure("set up");
}

absl::Status StateFile::Run(Statement statement) {
  if (damaged_) return absl::UnavailableError(absl::StrCat(path_, ": is damaged"));
  const int code = sqlite3_step(statements_[statement]);
  if ((code & 0xff) == SQLITE_CORRUPT) damaged_ = true;
  sqlite3_reset(statements_[statement]);
  return code == SQLITE_DONE ? absl::OkStatus() : Failure("write");
}

absl::Status StateFile::Begin() { return Run(kBegin); }
absl::Status StateFile::Commit() { return Run(kCommit); }
void StateFile::Rollback() {
  if (!sqlite3_get_autocommit(database_)) {
    sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
}

namespace {

void BindText(sqlite3_stmt* statement, int place, absl::string_view text) {
  sqlite3_bind_text(statement, place, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
}
void BindBytes(sqlite3_stmt* statement, int place, absl::string_view bytes) {
  sqlite3_bind_blob64(statement, place, bytes.data(), bytes.size(), SQLITE_STATIC);
}
void BindRow(sqlite3_stmt* statement, std::uint64_t id, absl::string_view body) {
  sqlite3_bind_int64(statement, 1, static_cast<std::int64_t>(id));
  BindBytes(statement, 2, body);
  sqlite3_bind_int64(statement, 3, SumOf(id, body));
}

}  // namespace

absl::Status StateFile::Put(Kind kind, absl::string_view key, absl::string_view body) {
  sqlite3_stmt* const put = statements_[kPut];
  sqlite3_bind_int(put, 1, static_cast<int>(kind));
  BindText(put, 2, key);
  BindBytes(put, 3, body);
  sqlite3_bind_int64(put, 4, SumOf(key, body));
  return Run(kPut);
}

absl::Status StateFile::PutLastLeaseId(std::uint64_t id) {
  return Put(static_cast<Kind>(kLastLeaseKind), kLastLeaseKey, absl::StrCat(id));
}

absl::Status StateFile::Erase(Kind kind, absl::string_view key) {
  sqlite3_bind_int(statements_[kErase], 1, static_cast<int>(kind));
  BindText(statements_[kErase], 2, key);
  return Run(kErase);
}

absl::Status StateFile::PutLease(std::uint64_t id, absl::string_view body) {
  BindRow(statements_[kPutLease], id, body);
  return Run(kPutLease);
}

absl::Status StateFile::PutContribution(std::uint64_t lease_id,
                                        absl::Span<const std::uint8_t> codes) {
  BindRow(statements_[kPutContribution], lease_id,
          absl::string_view(reinterpret_cast<const char*>(codes.data()), codes.size()));
  return Run(kPutContribution);
}

absl::Status StateFile::EraseLease(std::uint64_t id) {
  sqlite3_bind_int64(statements_[kEraseLease], 1, static_cast<std::int64_t>(id));
  sqlite3_bind_int64(statements_[kEraseContribution], 1, static_cast<std::int64_t>(id));
  ELDR_RETURN_IF_ERROR(Run(kEraseLease));
  return Run(kEraseContribution);
}

void StateFile::MaybeCheckpoint() {
  if (log_frames_ < kCheckpointFrames) return;
  sqlite3_wal_checkpoint_v2(database_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  log_frames_ = 0;
}

sqlite3_stmt* StateFile::PrepareQuery(const char* sql) {
  sqlite3_stmt* query = nullptr;
  if (sqlite3_prepare_v2(database_, sql, -1, &query, nullptr) != SQLITE_OK) damaged_ = true;
  return query;
}

bool StateFile::Query(sqlite3_stmt* query, NumberedRow row) {
  int code = SQLITE_DONE;
  while (query != nullptr && (code = sqlite3_step(query)) == SQLITE_ROW) {
    const auto id = static_cast<std::uint64_t>(sqlite3_column_int64(query, 0));
    const absl::string_view body = ColumnBytes(query, 1);
    if (SumOf(id, body) == sqlite3_column_int64(query, 2)) {
      row(id, body);
    } else {
      ++bad_rows_;
    }
  }
  sqlite3_finalize(query);
  if (query == nullptr || code != SQLITE_DONE) damaged_ = true;
  return code == SQLITE_DONE;
}

void StateFile::ReadAll(Kind kind, Row row) {
  sqlite3_stmt* const query = PrepareQuery("SELECT key, body, sum FROM entry WHERE kind=?");
  if (query == nullptr) return;
  sqlite3_bind_int(query, 1, static_cast<int>(kind));
  int code = SQLITE_DONE;
  while ((code = sqlite3_step(query)) == SQLITE_ROW) {
    const absl::string_view key = ColumnBytes(query, 0);
    const absl::string_view body = ColumnBytes(query, 1);
    if (SumOf(key, body) == sqlite3_column_int64(query, 2)) {
      row(key, body);
    } else {
      ++bad_rows_;
    }
  }
  sqlite3_finalize(query);
  if (code != SQLITE_DONE) damaged_ = true;
}

void StateFile::ReadLeases(NumberedRow row) {
  std::uint64_t last = 0;
  const auto remember = [&](std::uint64_t id, absl::string_view body) {
    last = std::max(last, id);
    row(id, body);
  };
  if (Query(PrepareQuery("SELECT id, body, sum FROM lease ORDER BY id"), remember)) return;
  // From the other end as far as that goes.
  sqlite3_stmt* const rest =
      PrepareQuery("SELECT id, body, sum FROM lease WHERE id > ? ORDER BY id DESC");
  if (rest != nullptr) sqlite3_bind_int64(rest, 1, static_cast<std::int64_t>(last));
  Query(rest, row);
}

std::uint64_t StateFile::ReadLastLeaseId() {
  std::uint64_t last = 0;
  ReadAll(static_cast<Kind>(kLastLeaseKind), [&](absl::string_view, absl::string_view body) {
    if (!absl::SimpleAtoi(body, &last)) last = 0;
  });
  return last;
}

std::uint64_t StateFile::ReadContributions(std::uint64_t after, int limit, NumberedRow row) {
  sqlite3_stmt* const query =
      PrepareQuery("SELECT id, body, sum FROM contribution WHERE id > ? ORDER BY id LIMIT ?");
  if (query == nullptr) return after;
  sqlite3_bind_int64(query, 1, static_cast<std::int64_t>(after));
  sqlite3_bind_int(query, 2, limit);
  std::uint64_t last = after;
  const std::uint64_t bad_before = bad_rows_;
  int seen = 0;
  Query(query, [&](std::uint64_t id, absl::string_view body) {
    last = std::max(last, id);
    ++seen;
    row(id, body);
  });
  // A page of bad rows alone must not look like the end.
  if (seen == 0 && bad_rows_ > bad_before && !damaged_) {
    sqlite3_stmt* const skip = PrepareQuery(
        "SELECT max(id) FROM (SELECT id FROM contribution WHERE id > ? ORDER BY id LIMIT ?)");
    if (skip == nullptr) return after;
    sqlite3_bind_int64(skip, 1, static_cast<std::int64_t>(after));
    sqlite3_bind_int(skip, 2, limit);
    if (sqlite3_step(skip) == SQLITE_ROW) {
      last = static_cast<std::uint64_t>(sqlite3_column_int64(skip, 0));
    }
    sqlite3_finalize(skip);
  }
  return last;
}

std::uint64_t StateFile::bytes() const {
  std::uint64_t sum = 0;
  for (const char* suffix : {"", "-wal"}) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path_ + suffix, error);
    if (!error) sum += size;
  }
  return sum;
}

}  // namespace eldr
