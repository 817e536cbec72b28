#include "tests/server/rpc/raw_http2.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace eldr {
namespace {

constexpr std::uint8_t kDataFrame = 0, kHeadersFrame = 1, kResetFrame = 3, kSettingsFrame = 4,
                       kPingFrame = 6, kGoAwayFrame = 7, kWindowFrame = 8, kContinuationFrame = 9;
constexpr std::uint8_t kEndStream = 1, kAck = 1, kEndHeaders = 4, kPadded = 8, kPriority = 32;

std::string Number(std::uint64_t value, int bytes) {
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    text.push_back(static_cast<char>(value >> shift));
  }
  return text;
}

std::uint32_t NumberOf(absl::string_view bytes) {
  std::uint32_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<std::uint8_t>(byte);
  return value;
}

// HPACK with neither a table nor Huffman's code: each header in full.
std::string Literal(absl::string_view name, absl::string_view value) {
  std::string text(1, '\0');
  for (const absl::string_view part : {name, value}) {
    if (part.size() < 127) {
      text.push_back(static_cast<char>(part.size()));
    } else {
      text.push_back(127);
      std::size_t rest = part.size() - 127;
      for (; rest >= 128; rest /= 128) text.push_back(static_cast<char>(rest % 128 | 128));
      text.push_back(static_cast<char>(rest));
    }
    text.append(part.data(), part.size());
  }
  return text;
}

// Reads HPACK as a server writes it that was told to keep no table: literals, and names or whole
// headers out of the table that never changes, which are given by their number.
class HeaderBlock {
 public:
  explicit HeaderBlock(absl::string_view bytes) : bytes_(bytes) {}

  RawHttp2::Headers Read() {
    RawHttp2::Headers headers;
    while (!bytes_.empty()) {
      const auto first = static_cast<std::uint8_t>(bytes_[0]);
      if (first & 0x80) {
        headers.emplace_back(absl::StrCat("static ", Integer(7)), "");
      } else if ((first & 0xE0) == 0x20) {
        Integer(5);  // the size of the table
      } else {
        const std::size_t index = Integer(first & 0x40 ? 6 : 4);
        std::string name = index == 0 ? Text() : absl::StrCat("static ", index);
        headers.emplace_back(std::move(name), Text());
      }
    }
    return headers;
  }

 private:
  std::size_t Integer(int bits) {
    if (bytes_.empty()) return 0;
    const std::size_t most = (std::size_t{1} << bits) - 1;
    std::size_t value = static_cast<std::uint8_t>(bytes_[0]) & most;
    bytes_.remove_prefix(1);
    if (value < most) return value;
    for (int shift = 0; !bytes_.empty(); shift += 7) {
      const auto byte = static_cast<std::uint8_t>(bytes_[0]);
      bytes_.remove_prefix(1);
      value += static_cast<std::size_t>(byte & 127) << shift;
      if (!(byte & 128)) break;
    }
    return value;
  }
  std::string Text() {
    if (bytes_.empty()) return "";
    const bool huffman = static_cast<std::uint8_t>(bytes_[0]) & 0x80;
    const std::size_t size = Integer(7);
    const std::string text(bytes_.substr(0, size));
    bytes_.remove_prefix(std::min(size, bytes_.size()));
    return huffman ? "(packed)" : text;
  }

  absl::string_view bytes_;
};

// "%41" is "A".
std::string Decoded(absl::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::uint32_t code = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        absl::SimpleHexAtoi(text.substr(i + 1, 2), &code)) {
      decoded.push_back(static_cast<char>(code));
      i += 2;
    } else {
      decoded.push_back(text[i]);
    }
  }
  return decoded;
}

}  // namespace

std::string GrpcFrame(absl::string_view message) {
  return absl::StrCat(std::string(1, '\0'), Number(message.size(), 4), message);
}

std::vector<std::string> RawHttp2::Answer::Messages() const {
  std::vector<std::string> messages;
  absl::string_view rest = data;
  while (rest.size() >= 5) {
    const std::size_t size = NumberOf(rest.substr(1, 4));
    messages.emplace_back(rest.substr(5, size));
    rest.remove_prefix(std::min(rest.size(), 5 + size));
  }
  return messages;
}

absl::Status RawHttp2::Answer::status() const {
  int code = -1;
  std::string message;
  for (const auto& [name, value] : headers) {
    if (name == "grpc-status" && !absl::SimpleAtoi(value, &code)) code = -1;
    if (name == "grpc-message") message = Decoded(value);
  }
  if (code < 0) return absl::UnknownError("no status");
  return absl::Status(static_cast<absl::StatusCode>(code), message);
}

RawHttp2::RawHttp2(int port) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    lost_ = true;
  }
  const int on = 1;
  setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  out_ = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  // No header table, no push, windows that never fill.
  Frame(kSettingsFrame, 0, 0,
        absl::StrCat(Number(1, 2), Number(0, 4), Number(2, 2), Number(0, 4), Number(4, 2),
                     Number(0x7fffffff, 4)));
  Frame(kWindowFrame, 0, 0, Number(0x7fff0000, 4));
  Flush();
}

RawHttp2::~RawHttp2() { close(socket_); }

void RawHttp2::Frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                     absl::string_view payload) {
  absl::StrAppend(&out_, Number(payload.size(), 3), Number(type, 1), Number(flags, 1),
                  Number(stream, 4), payload);
}

std::uint32_t RawHttp2::Open(const std::string& path, const std::string& timeout,
                             const Headers& more) {
  std::string block =
      absl::StrCat(Literal(":method", "POST"), Literal(":scheme", "http"), Literal(":path", path),
                   Literal(":authority", "localhost"), Literal("te", "trailers"),
                   Literal("content-type", "application/grpc"));
  if (!timeout.empty()) block += Literal("grpc-timeout", timeout);
  for (const auto& [name, value] : more) block += Literal(name, value);
  const std::uint32_t stream = next_stream_;
  next_stream_ += 2;
  // In frames of 16 KiB, the most that a server takes by default.
  constexpr std::size_t kMost = 16'384;
  for (std::size_t at = 0; at == 0 || at < block.size(); at += kMost) {
    Frame(at == 0 ? kHeadersFrame : kContinuationFrame,
          at + kMost >= block.size() ? kEndHeaders : 0, stream,
          absl::string_view(block).substr(at, kMost));
  }
  return stream;
}

void RawHttp2::Data(std::uint32_t stream, absl::string_view bytes, bool end) {
  Frame(kDataFrame, end ? kEndStream : 0, stream, bytes);
}

void RawHttp2::Reset(std::uint32_t stream) { Frame(kResetFrame, 0, stream, Number(8, 4)); }

bool RawHttp2::Flush() {
  absl::string_view rest = out_;
  while (!rest.empty()) {
    const ssize_t sent = send(socket_, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      lost_ = true;
      return false;
    }
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  out_.clear();
  return true;
}

bool RawHttp2::ReadSome(int milliseconds) {
  pollfd wait = {.fd = socket_, .events = POLLIN, .revents = 0};
  if (poll(&wait, 1, milliseconds) <= 0) return false;
  char bytes[16'384];
  const ssize_t size = recv(socket_, bytes, sizeof(bytes), 0);
  if (size <= 0) {
    lost_ = true;
    return false;
  }
  in_.append(bytes, static_cast<std::size_t>(size));
  Take();
  return true;
}

bool RawHttp2::ReadUntil(const std::function<bool()>& until) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!until()) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0 || !ReadSome(static_cast<int>(left.count()))) return until();
  }
  return true;
}

void RawHttp2::ReadWhatIsThere() {
  while (ReadSome(0)) {
  }
}

void RawHttp2::Take() {
  std::size_t at = 0;
  while (in_.size() - at >= 9) {
    const absl::string_view head = absl::string_view(in_).substr(at, 9);
    const std::size_t size = NumberOf(head.substr(0, 3));
    if (in_.size() - at < 9 + size) break;
    OnFrame(static_cast<std::uint8_t>(head[3]), static_cast<std::uint8_t>(head[4]),
            NumberOf(head.substr(5, 4)), absl::string_view(in_).substr(at + 9, size));
    at += 9 + size;
  }
  in_.erase(0, at);
}

void RawHttp2::OnFrame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                       absl::string_view payload) {
  EXPECT_FALSE((type == kDataFrame || type == kHeadersFrame) && flags & (kPadded | kPriority));
  if (type == kSettingsFrame && !(flags & kAck)) Frame(kSettingsFrame, kAck, 0, "");
  if (type == kPingFrame && !(flags & kAck)) Frame(kPingFrame, kAck, 0, payload);
  if (type == kGoAwayFrame) lost_ = true;
  if (type == kSettingsFrame || type == kPingFrame) Flush();
  if (stream == 0) return;
  Answer& answer = answers_[stream];
  if (type == kDataFrame) absl::StrAppend(&answer.data, payload);
  if (type == kHeadersFrame) {
    EXPECT_TRUE(flags & kEndHeaders);
    for (auto& header : HeaderBlock(payload).Read()) answer.headers.push_back(std::move(header));
  }
  if (type == kResetFrame) answer.was_reset = true;
  if ((type == kDataFrame || type == kHeadersFrame) && flags & kEndStream) answer.ended = true;
}

}  // namespace eldr
