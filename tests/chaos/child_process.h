// A process of the test's own, gone with the object.
#ifndef ELDR_TESTS_CHAOS_CHILD_PROCESS_H_
#define ELDR_TESTS_CHAOS_CHILD_PROCESS_H_

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace eldr {

// True once `condition` holds; false if it does not within `timeout`.
bool Within(absl::Duration timeout, const std::function<bool()>& condition);

std::string ReadWholeFile(const std::string& path);

// Fails the running test if the program cannot be started.
class ChildProcess {
 public:
  // `output` takes what the program writes, after what the file holds already. `environment` are
  // NAME=VALUE, beside the test's own.
  ChildProcess(std::vector<std::string> command, const std::string& output,
               const std::vector<std::string>& environment = {});
  ~ChildProcess();  // SIGKILL
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  void Signal(int signal) const;
  // Waits for the end; the exit code, or -1 if a signal was the end.
  int Wait();
  // Sends the signal and waits.
  int End(int signal);

 private:
  pid_t pid_ = 0;
};

}  // namespace eldr

#endif  // ELDR_TESTS_CHAOS_CHILD_PROCESS_H_
