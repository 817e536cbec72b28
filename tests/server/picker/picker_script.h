// Streams of a picker as text: what Envoy and the router do, and what is answered.
//
//   > request_headers :method=POST x-request-id=r1     a message; `eos` ends the stream
//   > request_body {"model":"m"} eos
//   > picked 10.0.0.1:8000 7                           the endpoint and the lease's id
//   < request_headers to=10.0.0.1:8000                 an answer, or what was asked of the router
//
// A body `*N` is N times the letter x. Words of a message are parted by spaces, so bodies have
// none.
#ifndef ELDR_TESTS_SERVER_PICKER_PICKER_SCRIPT_H_
#define ELDR_TESTS_SERVER_PICKER_PICKER_SCRIPT_H_

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "server/picker/picker_stream.h"

namespace eldr::picker {

// Runs one stream, writes down what it does, and counts what becomes of leases.
class ScriptRun final : public PickerActions {
 public:
  explicit ScriptRun(PickerOptions options = {})
      : options_(std::move(options)), stream_(options_, *this) {}

  // One line that starts with "> ".
  void Do(const std::string& line);
  const std::string& written() const { return written_; }
  // How often each lease that was given was released.
  const std::map<std::uint64_t, int>& leases() const { return leases_; }
  int open_picks() const { return open_picks_; }

  void Send(ProcessingResponse response) override;
  void StartPick(const PickQuery& query) override;
  void Move(const Pick& pick, const std::string& endpoint) override;
  void Release(const Pick& pick, ReleaseCause cause) override;
  void Harvest(const PickQuery& query, const std::string& body) override;

 private:
  void Write(const std::string& line) { written_ += "< " + line + "\n"; }

  const PickerOptions options_;
  PickerStream stream_;
  std::string written_;
  std::map<std::uint64_t, int> leases_;
  int open_picks_ = 0;
};

struct Script {
  std::string name;
  std::vector<std::string> inputs;  // the lines that start with "> "
  std::string text;                 // all but comments and empty lines
};
// All scripts of tests/server/picker/scripts, by name.
std::vector<Script> Scripts();

}  // namespace eldr::picker

#endif  // ELDR_TESTS_SERVER_PICKER_PICKER_SCRIPT_H_
