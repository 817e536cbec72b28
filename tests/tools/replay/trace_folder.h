// A trace folder on disk for the duration of a test.
#ifndef ELDR_TESTS_TOOLS_REPLAY_TRACE_FOLDER_H_
#define ELDR_TESTS_TOOLS_REPLAY_TRACE_FOLDER_H_

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/client/engines/npy_bytes.h"

namespace eldr::replay {

class TraceFolder {
 public:
  TraceFolder()
      : path_(absl::StrCat(::testing::TempDir(), "eldr_trace_",
                           ::testing::UnitTest::GetInstance()->current_test_info()->name())) {
    std::filesystem::create_directories(path_);
  }
  ~TraceFolder() { std::filesystem::remove_all(path_); }
  TraceFolder(const TraceFolder&) = delete;
  TraceFolder& operator=(const TraceFolder&) = delete;

  const std::string& path() const { return path_; }

  // Ids of [tokens, layers, top_k], one byte each.
  void WriteExperts(const std::vector<std::uint8_t>& ids, std::size_t layers, std::size_t top_k) {
    Write("routed_experts.npy",
          engines::NpyBytes(
              absl::StrCat("{'descr': '|u1', 'fortran_order': False, 'shape': (",
                           ids.size() / layers / top_k, ", ", layers, ", ", top_k, ")}"),
              std::string(ids.begin(), ids.end())));
  }
  void WriteRequests(const std::string& csv) { Write("requests.csv", csv); }

  void Write(const std::string& name, const std::string& bytes) {
    std::ofstream(absl::StrCat(path_, "/", name), std::ios::binary) << bytes;
  }

 private:
  const std::string path_;
};

}  // namespace eldr::replay

#endif  // ELDR_TESTS_TOOLS_REPLAY_TRACE_FOLDER_H_
