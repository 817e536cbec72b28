// Records on disk for tools to read: appended in the background, within bounds, oldest files first
// to go.
#ifndef ELDR_SERVER_RECORD_RECORD_FILES_H_
#define ELDR_SERVER_RECORD_RECORD_FILES_H_

#include <google/protobuf/message_lite.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/base/file_system.h"
#include "core/base/mutex.h"
#include "server/base/log.h"
#include "server/record/record_queue.h"

namespace eldr {

// Files of the form of record_stream.h. Append() only queues, within a bound: what does not fit, or
// can not be written, is dropped and counted, and nothing else suffers: neither a slow nor a full
// disk delays who appends. Whatever was written before a crash can be read; a write that failed or
// was cut off is the torn end of its file, and what follows goes to another. Thread-safe.
class RecordFiles {
 public:
  struct Options {
    std::string key;  // of the configuration, for messages: "capture.directory"
    std::string directory;
    std::string prefix;  // a file's name is this, a number, and the suffix
    std::string suffix;
    std::string magic;
    std::uint64_t file_bytes = 0;  // after this much another file is started
    std::uint64_t max_bytes = 0;   // of all files
    // If set, answers the records that each file starts with. Called by Flush() and Open().
    std::function<std::string()> head;
  };
  struct Counts {
    std::uint64_t written = 0;
    std::uint64_t dropped = 0;
    std::uint64_t bytes = 0;  // of all files now
  };

  // Makes the directory and continues after the files that are there. INVALID_ARGUMENT, naming the
  // key, if it cannot be written to; on a full disk recording begins once there is room. References
  // must outlive the object.
  static absl::StatusOr<std::unique_ptr<RecordFiles>> Open(Options options, Log& log,
                                                           FileSystem& files = RealFileSystem());
  // Writes what is queued.
  ~RecordFiles();

  void Append(const google::protobuf::MessageLite& record);
  // Keeps a place in the order for a record that follows by Fill().
  RecordQueue::Place Reserve() { return queue_.Reserve(); }
  void Fill(RecordQueue::Place place, const google::protobuf::MessageLite& record);
  // Appends what is queued to the newest file, starts another when that is full, and deletes the
  // oldest ones beyond max_bytes. For one thread, not in a hurry.
  void Flush();
  Counts counts() const;

 private:
  struct File {
    std::string path;
    std::uint64_t bytes = 0;
  };

  RecordFiles(Options options, Log& log, FileSystem& files);
  absl::Status AdoptFiles() ABSL_LOCKS_EXCLUDED(file_mutex_);
  // 0 if it is not the name of one of these files.
  std::uint64_t NumberOf(const std::string& name) const;
  // Logs that recording has begun to fail, or to work again.
  void TellWritten(const absl::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(file_mutex_);
  void WriteBatch(const RecordQueue::Batch& batch) ABSL_LOCKS_EXCLUDED(file_mutex_);
  absl::Status Write(const std::string& records) ABSL_EXCLUSIVE_LOCKS_REQUIRED(file_mutex_);
  absl::Status StartFile() ABSL_EXCLUSIVE_LOCKS_REQUIRED(file_mutex_);
  absl::Status DeleteOldest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(file_mutex_);
  std::uint64_t Bytes() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(file_mutex_);

  const Options options_;
  Log& log_;
  FileSystem& file_system_;
  RecordQueue queue_;

  Mutex file_mutex_;                                     // held while writing
  std::deque<File> files_ ABSL_GUARDED_BY(file_mutex_);  // oldest first; the last is written to
  std::unique_ptr<OutputFile> out_ ABSL_GUARDED_BY(file_mutex_);  // nullptr after an error
  std::uint64_t next_number_ ABSL_GUARDED_BY(file_mutex_) = 1;
  bool failing_ ABSL_GUARDED_BY(file_mutex_) = false;

  mutable Mutex counts_mutex_;
  Counts counts_ ABSL_GUARDED_BY(counts_mutex_);
};

}  // namespace eldr

#endif  // ELDR_SERVER_RECORD_RECORD_FILES_H_
