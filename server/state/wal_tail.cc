#include "server/state/wal_tail.h"

#include <array>
#include <cstring>
#include <fstream>

namespace eldr {
namespace {

// Offsets of the format: a header of 32 bytes with the page size at 8 and the generation's salt at
// 16; frames of a header of 24 bytes, with the salt at 8, and a page.
constexpr std::streamoff kHeader = 32;
constexpr std::streamoff kFrameHeader = 24;
constexpr std::size_t kSalt = 8;

}  // namespace

std::uint64_t CountLogFrames(const std::string& log_path) {
  std::ifstream file(log_path, std::ios::binary);
  std::array<char, kHeader> header{};
  if (!file.read(header.data(), header.size())) return file.gcount() > 0 ? 1 : 0;
  std::streamoff page = 0;
  for (std::size_t i = 8; i < 12; ++i) page = page * 256 + static_cast<unsigned char>(header.at(i));
  if (page < 512 || page > 65536) return 1;  // not a header; nothing behind it can be used
  std::uint64_t frames = 0;
  std::array<char, kFrameHeader> frame{};
  for (std::streamoff at = kHeader;; at += kFrameHeader + page) {
    file.seekg(at);
    file.read(frame.data(), frame.size());
    const std::streamsize got = file.gcount();
    if (got == 0) return frames;
    if (got < kFrameHeader) return frames + 1;
    if (std::memcmp(frame.data() + 8, header.data() + 16, kSalt) != 0) return frames;
    ++frames;
  }
}

}  // namespace eldr
