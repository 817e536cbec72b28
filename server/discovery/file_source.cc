#include "server/discovery/file_source.h"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/file_system.h"
#include "core/base/status_macros.h"

namespace eldr {
namespace {

constexpr absl::Duration kLookInterval = absl::Seconds(1);

}  // namespace

FileSource::FileSource(const DiscoveryConfig& config, EndpointList& list, const Clock& clock,
                       Log& log, SourceMetrics metrics)
    : config_(config), list_(list), clock_(clock), log_(log), metrics_(metrics) {}

void FileSource::Start() {
  Step();
  ticker_ = std::make_unique<Ticker>(kLookInterval, [this] { Step(); });
}

FileSource::Look FileSource::LookAt() const {
  struct stat found {};
  if (stat(config_.file.c_str(), &found) != 0) {
    return {.identity = absl::StrCat("error ", errno),
            .error = FileError(errno, config_.file, "cannot be read")};
  }
  return {.identity = absl::StrCat(found.st_dev, " ", found.st_ino, " ", found.st_size, " ",
                                   found.st_mtim.tv_sec, ".", found.st_mtim.tv_nsec, " ",
                                   found.st_ctim.tv_sec, ".", found.st_ctim.tv_nsec),
          .error = absl::OkStatus()};
}

void FileSource::Step() {
  const Look before = LookAt();
  if (before.identity == identity_) return;
  absl::StatusOr<EndpointsFile> file =
      before.error.ok() ? Read() : absl::StatusOr<EndpointsFile>(before.error);
  // One that is being written is read again.
  if (LookAt().identity != before.identity) return;
  identity_ = before.identity;
  const absl::Status status = file.ok() ? Take(*std::move(file)) : file.status();
  // Told first, so that whoever sees the count finds the line.
  Tell(status);
  metrics_.OnList(status, absl::ToDoubleSeconds(clock_.Wall() - absl::UnixEpoch()));
}

absl::StatusOr<EndpointsFile> FileSource::Read() const {
  ELDR_ASSIGN_OR_RETURN(const std::string text, ReadContents(config_.file, kMaxEndpointsFileBytes));
  return ParseEndpointsFile(text, config_.file, config_);
}

absl::Status FileSource::Take(EndpointsFile file) {
  for (const std::string& reason : file.reasons) {
    log_.Warning("discovery_entry_refused", {{"error", reason}, {"of", file.refused}});
  }
  metrics_.entries_refused.Increment(static_cast<double>(file.refused));
  return list_.SetAll(std::move(file.endpoints));
}

void FileSource::Tell(const absl::Status& status) {
  if (status.ok()) {
    told_.clear();
    log_.Info("discovery_file_read",
              {{"file", config_.file}, {"endpoints", list_.Read().endpoints.size()}});
  } else if (told_ != status.message()) {
    told_ = std::string(status.message());
    log_.Warning("discovery_file_refused", {{"file", config_.file},
                                            {"kept", list_.Read().endpoints.size()},
                                            {"error", status.ToString()}});
  }
}

}  // namespace eldr
