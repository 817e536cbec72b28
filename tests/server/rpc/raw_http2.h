// A client that speaks HTTP/2 frame by frame, to do what no gRPC library lets its callers do: stop
// anywhere, reset, half-close, send half a message, and ask for deadlines of a microsecond.
#ifndef ELDR_TESTS_SERVER_RPC_RAW_HTTP2_H_
#define ELDR_TESTS_SERVER_RPC_RAW_HTTP2_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace eldr {

// One connection, used by one thread. Every read ends within ten seconds.
class RawHttp2 {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  // What the server has said of a call so far.
  struct Answer {
    Headers headers;     // of all header frames
    std::string data;    // gRPC's own frames
    bool ended = false;  // the server has ended its half
    bool was_reset = false;
    // The messages in `data`.
    std::vector<std::string> Messages() const;
    // Of the trailers; UNKNOWN "no status" if there are none.
    absl::Status status() const;
  };

  // Connects to a port of the loopback and says its settings; lost() if nobody is there.
  explicit RawHttp2(int port);
  ~RawHttp2();
  RawHttp2(const RawHttp2&) = delete;
  RawHttp2& operator=(const RawHttp2&) = delete;

  // Frames are collected until Flush(), so that a server can see many of them at once.
  // Opens a call: the headers of "/eldr.v1.Service/Method". `timeout` is grpc-timeout ("20u"), ""
  // for none. Returns the stream's number.
  std::uint32_t Open(const std::string& path, const std::string& timeout = "",
                     const Headers& more = {});
  // Bytes as they are.
  void Data(std::uint32_t stream, absl::string_view bytes, bool end = false);
  void Reset(std::uint32_t stream);
  // False if the connection has gone.
  bool Flush();

  // Reads frames until `until` holds of what arrived. False if the connection ended, or after ten
  // seconds.
  bool ReadUntil(const std::function<bool()>& until);
  // Reads what is there already.
  void ReadWhatIsThere();
  const Answer& answer(std::uint32_t stream) { return answers_[stream]; }
  bool Done(std::uint32_t stream) { return answers_[stream].ended || answers_[stream].was_reset; }
  // True once the server has gone, or has said that it goes.
  bool lost() const { return lost_; }

 private:
  void Frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
             absl::string_view payload);
  // Takes whole frames out of what arrived.
  void Take();
  void OnFrame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
               absl::string_view payload);
  // Reads once, for at most so long. False if nothing more will come.
  bool ReadSome(int milliseconds);

  int socket_ = -1;
  std::uint32_t next_stream_ = 1;
  std::string out_;
  std::string in_;
  bool lost_ = false;
  std::map<std::uint32_t, Answer> answers_;
};

// A message in gRPC's frame: a flag, its length, its bytes.
std::string GrpcFrame(absl::string_view message);

}  // namespace eldr

#endif  // ELDR_TESTS_SERVER_RPC_RAW_HTTP2_H_
