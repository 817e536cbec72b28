// Whatever a state file and its log hold: the daemon starts with what is sound, or refuses it.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "server/observers.h"
#include "server/state/state_convert.h"
#include "server/state/state_store.h"
#include "tests/support/fake_clock.h"

namespace eldr {
namespace {

const std::string& Folder() {
  static const std::string folder = [] {
    std::string name = (std::filesystem::temp_directory_path() / "state_fuzz_XXXXXX").string();
    return std::string(mkdtemp(name.data()));
  }();
  return folder;
}

void Write(const std::string& path, absl::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// The first two bytes say how much of the rest is the file; the log is what follows.
void OpenFile(absl::string_view bytes) {
  const std::size_t split = static_cast<unsigned char>(bytes[0]) * std::size_t{256} +
                            static_cast<unsigned char>(bytes[1]);
  bytes.remove_prefix(2);
  std::filesystem::remove_all(Folder());
  std::filesystem::create_directories(Folder());
  Write(Folder() + "/state.db", bytes.substr(0, split));
  if (bytes.size() > split) Write(Folder() + "/state.db-wal", bytes.substr(split));

  FakeClock clock;
  Log log(LogConfig{}, clock, std::make_shared<NoOutput>());
  prometheus::Registry registry;
  StateConfig config;
  config.directory = Folder();
  auto store = StateStore::Open(config, clock, log, registry);
  if (!store.ok()) return;
  Observers observers;
  observers.Add(**store);
  auto router = Router::Create({}, clock, observers);
  if (!router.ok()) std::abort();
  (*store)->Restore(**router, [&](const ModelRecord& record) {
    return (*router)->DeclareModel({record.name, record.geometry, {}}).status();
  });
  for (int step = 0; step < 100 && (*store)->restoring(); ++step) (*store)->Step();
  clock.Advance(absl::Seconds(6));
  (*store)->Step();
  (*store)->Close();
}

void DecodeRows(absl::string_view bytes) {
  DecodeModelRow(bytes);
  DecodeNodeRow(bytes);
  DecodeLeaseRow(bytes);
  if (auto learned = DecodeLearnedRow(bytes)) EncodeLearned(*learned);
  if (auto memory = DecodeMemoryRow(bytes)) EncodeMemory(*memory);
}

}  // namespace
}  // namespace eldr

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  eldr::DecodeRows(bytes);
  if (size > 2) eldr::OpenFile(bytes);
  return 0;
}
