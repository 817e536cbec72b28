#include "tools/process/daemon_process.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "core/base/clock.h"
#include "core/base/file_system.h"
#include "core/base/status_macros.h"
#include "tools/process/interrupt.h"
#include "tools/replay/file_contents.h"

namespace eldr::demo {
namespace {

constexpr absl::Duration kStartDeadline = absl::Seconds(30);
constexpr absl::Duration kStopDeadline = absl::Seconds(10);
constexpr absl::Duration kPollInterval = absl::Milliseconds(10);
constexpr std::size_t kTailLines = 20;

absl::StatusOr<std::string> MakeTemporaryFolder() {
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::temp_directory_path(error);
  if (error) {
    return absl::UnavailableError(absl::StrCat("no folder for temporary files: ", error.message()));
  }
  std::string folder = (parent / "eldr-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) {
    return absl::UnavailableError(
        absl::StrCat(folder, ": cannot make the folder: ", std::strerror(errno)));
  }
  return folder;
}

// What the child does between fork and exec, where only async-signal-safe calls are allowed.
[[noreturn]] void BecomeDaemon(const char* log, char* const* arguments, pid_t parent) {
  // A group of its own: Ctrl-C is for the demo, which then stops the daemon in its own time.
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(127);
  const int in = open("/dev/null", O_RDONLY);
  const int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (in < 0 || out < 0) _exit(127);
  dup2(in, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(out, STDERR_FILENO);
  execv(arguments[0], arguments);
  _exit(127);
}

}  // namespace

absl::StatusOr<std::unique_ptr<DaemonProcess>> DaemonProcess::Start(const std::string& eldrd,
                                                                    absl::string_view config) {
  if (access(eldrd.c_str(), X_OK) != 0) {
    return absl::NotFoundError(absl::StrCat(eldrd, ": not a program: ", std::strerror(errno)));
  }
  ELDR_ASSIGN_OR_RETURN(std::string folder, MakeTemporaryFolder());
  auto daemon = absl::WrapUnique(new DaemonProcess(std::move(folder)));
  const std::string config_path = absl::StrCat(daemon->folder_, "/eldrd.yaml");
  ELDR_RETURN_IF_ERROR(ReplaceFile(RealFileSystem(), config_path, config));
  ELDR_RETURN_IF_ERROR(daemon->Launch(eldrd));
  ELDR_RETURN_IF_ERROR(daemon->AwaitPorts());
  return daemon;
}

absl::Status DaemonProcess::Launch(const std::string& eldrd) {
  std::vector<std::string> words = {eldrd, "--config", absl::StrCat(folder_, "/eldrd.yaml"),
                                    "--port-file", absl::StrCat(folder_, "/ports")};
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const std::string log = absl::StrCat(folder_, "/log");
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) BecomeDaemon(log.c_str(), arguments.data(), parent);
  if (pid_ < 0) return absl::UnavailableError(absl::StrCat("fork: ", std::strerror(errno)));
  return absl::OkStatus();
}

absl::Status DaemonProcess::AwaitPorts() {
  const std::string path = absl::StrCat(folder_, "/ports");
  const MonotonicTime deadline = RealClock().Monotonic() + kStartDeadline;
  while (RealClock().Monotonic() < deadline) {
    if (Interrupted()) return absl::CancelledError("interrupted");
    ELDR_RETURN_IF_ERROR(CheckRunning());
    const absl::StatusOr<std::string> ports = replay::ReadFile(path);
    if (ports.ok()) {
      for (absl::string_view line : absl::StrSplit(*ports, '\n')) {
        if (absl::ConsumePrefix(&line, "grpc=")) grpc_address_ = std::string(line);
        if (absl::ConsumePrefix(&line, "http=")) http_address_ = std::string(line);
      }
      if (!grpc_address_.empty()) return absl::OkStatus();
    }
    absl::SleepFor(kPollInterval);
  }
  return absl::UnavailableError(absl::StrCat("eldrd does not listen after ",
                                             absl::FormatDuration(kStartDeadline),
                                             ". Its log ends:\n", LogTail()));
}

bool DaemonProcess::Reap() {
  if (pid_ < 0 || waitpid(pid_, &wait_status_, WNOHANG) != pid_) return false;
  pid_ = -1;
  return true;
}

absl::Status DaemonProcess::CheckRunning() {
  Reap();
  if (pid_ >= 0) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("eldrd has ended. Its log ends:\n", LogTail()));
}

absl::Status DaemonProcess::Stop() {
  if (pid_ < 0) return absl::OkStatus();
  kill(pid_, SIGTERM);
  const MonotonicTime deadline = RealClock().Monotonic() + kStopDeadline;
  while (!Reap()) {
    if (RealClock().Monotonic() < deadline) {
      absl::SleepFor(kPollInterval);
      continue;
    }
    kill(pid_, SIGKILL);
    waitpid(pid_, &wait_status_, 0);
    pid_ = -1;
    break;
  }
  if (WIFEXITED(wait_status_) && WEXITSTATUS(wait_status_) == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(
      "eldrd ended ",
      WIFSIGNALED(wait_status_) ? absl::StrCat("by signal ", WTERMSIG(wait_status_))
                                : absl::StrCat("with exit code ", WEXITSTATUS(wait_status_)),
      ". Its log ends:\n", LogTail()));
}

DaemonProcess::~DaemonProcess() {
  // Whoever wants to know how it ended has called Stop() before.
  Stop().IgnoreError();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string DaemonProcess::LogTail() const {
  const absl::StatusOr<std::string> log = replay::ReadFile(absl::StrCat(folder_, "/log"));
  if (!log.ok()) return std::string(log.status().message());
  std::vector<absl::string_view> lines = absl::StrSplit(absl::StripSuffix(*log, "\n"), '\n');
  if (lines.size() > kTailLines) {
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(kTailLines));
  }
  return absl::StrJoin(lines, "\n");
}

}  // namespace eldr::demo
