#include "tests/server/state/faulty_sqlite.h"

#include <unistd.h>

#include <filesystem>
#include <string>

namespace eldr {
namespace {

using Verdict = DiskFaults::Verdict;

// SQLite's interfaces are tables of functions, which find their object through the file: what
// SQLite takes for its file is this, with the file of the true file system behind it.
struct SqliteFile {
  sqlite3_file base;
  DiskFaults* faults;
  std::string* path;
  bool sync_folder;  // the next sync is one of the folder too, as of SQLite's journals
};

SqliteFile& Of(sqlite3_file* file) { return *reinterpret_cast<SqliteFile*>(file); }
sqlite3_file* True(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<SqliteFile*>(file) + 1);
}
sqlite3_vfs* TrueVfs() {
  static sqlite3_vfs* const vfs = sqlite3_vfs_find("unix");
  return vfs;
}
DiskFaults& FaultsOf(sqlite3_vfs* vfs) { return *static_cast<DiskFaults*>(vfs->pAppData); }
std::string FolderOf(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}

int FaultyClose(sqlite3_file* file) {
  delete Of(file).path;
  return True(file)->pMethods->xClose(True(file));
}

int FaultyWrite(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset) {
  const auto write = [&](int part) {
    return True(file)->pMethods->xWrite(True(file), bytes, part, offset);
  };
  const Verdict verdict = Of(file).faults->Next();
  if (verdict == Verdict::kGo) return write(size);
  write(size / 2);
  if (verdict == Verdict::kDie) Of(file).faults->Die();
  return SQLITE_FULL;
}

int FaultyTruncate(sqlite3_file* file, sqlite3_int64 size) {
  if (Of(file).faults->Fails()) return SQLITE_IOERR_TRUNCATE;
  return True(file)->pMethods->xTruncate(True(file), size);
}

int FaultySync(sqlite3_file* file, int /*flags*/) {
  SqliteFile& self = Of(file);
  if (self.faults->Fails()) return SQLITE_IOERR_FSYNC;
  self.faults->Synced(*self.path);
  if (self.sync_folder) self.faults->FolderSynced(FolderOf(*self.path));
  self.sync_folder = false;
  return SQLITE_OK;
}

// Without shared memory, which a database that is locked for one process does not need.
const sqlite3_io_methods kMethods = {
    .iVersion = 1,
    .xClose = FaultyClose,
    .xRead =
        [](sqlite3_file* file, void* into, int size, sqlite3_int64 offset) {
          return True(file)->pMethods->xRead(True(file), into, size, offset);
        },
    .xWrite = FaultyWrite,
    .xTruncate = FaultyTruncate,
    .xSync = FaultySync,
    .xFileSize =
        [](sqlite3_file* file, sqlite3_int64* size) {
          return True(file)->pMethods->xFileSize(True(file), size);
        },
    .xLock = [](sqlite3_file* file,
                int lock) { return True(file)->pMethods->xLock(True(file), lock); },
    .xUnlock = [](sqlite3_file* file,
                  int lock) { return True(file)->pMethods->xUnlock(True(file), lock); },
    .xCheckReservedLock =
        [](sqlite3_file* file, int* locked) {
          return True(file)->pMethods->xCheckReservedLock(True(file), locked);
        },
    .xFileControl =
        [](sqlite3_file* file, int operation, void* argument) {
          return True(file)->pMethods->xFileControl(True(file), operation, argument);
        },
    .xSectorSize = [](sqlite3_file* file) { return True(file)->pMethods->xSectorSize(True(file)); },
    .xDeviceCharacteristics =
        [](sqlite3_file* file) { return True(file)->pMethods->xDeviceCharacteristics(True(file)); },
    .xShmMap = nullptr,
    .xShmLock = nullptr,
    .xShmBarrier = nullptr,
    .xShmUnmap = nullptr,
    .xFetch = nullptr,
    .xUnfetch = nullptr};

int FaultyOpen(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  DiskFaults& faults = FaultsOf(vfs);
  file->pMethods = nullptr;
  const bool makes = name != nullptr && access(name, F_OK) != 0;
  if (makes && (flags & SQLITE_OPEN_CREATE) != 0 && faults.Fails()) return SQLITE_CANTOPEN;
  const int code = TrueVfs()->xOpen(TrueVfs(), name, True(file), flags, out_flags);
  if (code != SQLITE_OK) return code;
  constexpr int kJournals = SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL;
  const std::string path = name == nullptr ? "" : name;
  if (makes) faults.Made(path);
  SqliteFile& self = Of(file);
  self.faults = &faults;
  self.path = new std::string(path);
  self.sync_folder = (flags & kJournals) != 0;
  file->pMethods = &kMethods;
  return SQLITE_OK;
}

int FaultyDelete(sqlite3_vfs* vfs, const char* name, int sync_folder) {
  DiskFaults& faults = FaultsOf(vfs);
  if (faults.Fails()) return SQLITE_IOERR_DELETE;
  const int code = TrueVfs()->xDelete(TrueVfs(), name, /*syncDir=*/0);
  if (code == SQLITE_OK && sync_folder != 0) faults.FolderSynced(FolderOf(name));
  return code;
}

}  // namespace

FaultySqlite::FaultySqlite(DiskFaults& faults) : vfs_(*TrueVfs()) {
  vfs_.zName = "faulty";
  vfs_.pAppData = &faults;
  vfs_.szOsFile = static_cast<int>(sizeof(SqliteFile)) + TrueVfs()->szOsFile;
  vfs_.xOpen = FaultyOpen;
  vfs_.xDelete = FaultyDelete;
  sqlite3_vfs_register(&vfs_, /*makeDflt=*/1);
}

FaultySqlite::~FaultySqlite() { sqlite3_vfs_unregister(&vfs_); }

}  // namespace eldr
