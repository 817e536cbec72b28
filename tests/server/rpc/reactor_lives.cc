#include "tests/server/rpc/reactor_lives.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/numbers.h"
#include "gtest/gtest.h"

namespace eldr {
namespace {

// Many of the same: what is answered at once leaves little time for anything else.
constexpr const char* kTimeouts[] = {"",     "",     "",     "",      "1u",    "5u",    "20u",
                                     "100u", "300u", "700u", "1500u", "5000u", "20000u"};

}  // namespace

// Where a call is when its client ends it.
enum class ReactorLives::Point {
  kHeaders,
  kFrameHead,
  kHalfMessage,
  kMessage,
  kHalfClosed,
  kAnswered,
};

struct ReactorLives::Life {
  const ServiceMethod* method = nullptr;
  std::uint32_t stream = 0;
  bool has_deadline = false;
  Point point = Point::kHeaders;
};

std::size_t ReactorCalls() {
  std::uint64_t calls = 0;
  const char* const wanted = std::getenv("ELDR_REACTOR_CALLS");
  return wanted != nullptr && absl::SimpleAtoi(wanted, &calls) ? calls : 2000;
}

ReactorLives::ReactorLives(int port, unsigned seed, RawHttp2::Headers headers)
    : port_(port), headers_(std::move(headers)), random_(seed) {}

void ReactorLives::Run(std::size_t calls) {
  const std::size_t end = made_ + calls;
  while (made_ < end) {
    if (!Connection(std::min<std::size_t>(end - made_, 1 + random_() % 100))) return;
  }
}

bool ReactorLives::Connection(std::size_t calls) {
  RawHttp2 connection(port_);
  std::vector<Life> lives;
  bool alive = true;
  for (std::size_t i = 0; i < calls && alive && !connection.lost(); ++i) {
    lives.push_back(Begin(connection));
    // Alone, or many in one write: the server then cancels what it has not begun.
    if (OneIn(2)) alive = connection.Flush();
    Lead(connection, lives.back());
    if (OneIn(3)) alive = alive && connection.Flush();
    connection.ReadWhatIsThere();
    ++made_;
  }
  if (OneIn(4)) return alive;  // the connection breaks, with all that is open
  for (const Life& life : lives) {
    if (!life.has_deadline && !connection.Done(life.stream)) connection.Reset(life.stream);
  }
  alive = connection.Flush();
  const auto all_done = [&] {
    return std::all_of(lives.begin(), lives.end(), [&](const Life& life) {
      return !life.has_deadline || connection.Done(life.stream);
    });
  };
  if (alive && !connection.ReadUntil(all_done)) {
    EXPECT_TRUE(connection.lost()) << "a deadline did not end a call";
  }
  Count(connection, lives);
  return !connection.lost();
}

ReactorLives::Life ReactorLives::Begin(RawHttp2& connection) {
  Life life;
  life.method = &OneOf(methods_);
  // A placement has most ways to end.
  if (OneIn(3)) {
    life.method = &*std::find_if(methods_.begin(), methods_.end(), [](const ServiceMethod& method) {
      return method.name == "Place";
    });
  }
  const std::string timeout = OneOf(kTimeouts);
  life.has_deadline = !timeout.empty();
  constexpr Point kPoints[] = {Point::kHeaders, Point::kFrameHead,  Point::kHalfMessage,
                               Point::kMessage, Point::kHalfClosed, Point::kAnswered};
  life.point = OneOf(kPoints);
  life.stream = connection.Open(life.method->path, timeout, headers_);
  return life;
}

void ReactorLives::Lead(RawHttp2& connection, Life& life) {
  const std::string frame = GrpcFrame(OneIn(8) ? "\x0a\xff" : OneOf(life.method->requests));
  switch (life.point) {
    case Point::kHeaders:
      break;
    case Point::kFrameHead:
      connection.Data(life.stream, frame.substr(0, 3));
      break;
    case Point::kHalfMessage:
      connection.Data(life.stream, frame.substr(0, std::max<std::size_t>(frame.size() / 2, 5)));
      break;
    case Point::kMessage:
      connection.Data(life.stream, frame);
      if (OneIn(2)) connection.Data(life.stream, frame);  // one more than a unary call may have
      break;
    case Point::kHalfClosed:
      connection.Data(life.stream, frame, /*end=*/true);
      break;
    case Point::kAnswered:
      connection.Data(life.stream, frame, /*end=*/!life.method->client_streams);
      connection.Flush();
      if (OneIn(4)) {
        // Not of those that are never answered: their deadline, or the end, comes instead.
        connection.ReadUntil([&] {
          return life.method->name == "WatchPlacements" || connection.Done(life.stream) ||
                 !connection.answer(life.stream).data.empty();
        });
      }
      break;
  }
  if (OneIn(2)) connection.Flush();
  const bool may_half_close = life.point != Point::kHalfClosed &&
                              (life.point != Point::kAnswered || life.method->client_streams);
  switch (random_() % 3) {
    case 0:
      connection.Reset(life.stream);
      life.has_deadline = false;  // it ends without a word
      break;
    case 1:
      if (may_half_close && !connection.Done(life.stream)) {
        connection.Data(life.stream, "", /*end=*/true);
      }
      break;
    default:
      break;  // it is left to its deadline, or to the end of the connection
  }
}

void ReactorLives::Count(RawHttp2& connection, const std::vector<Life>& lives) {
  for (const Life& life : lives) {
    const RawHttp2::Answer& answer = connection.answer(life.stream);
    if (!answer.ended) continue;
    const absl::Status status = answer.status();
    ++answered_[status.code()];
    // What gRPC says of its own accord if a service lets it.
    EXPECT_NE(status.code(), absl::StatusCode::kUnimplemented) << life.method->path;
    EXPECT_NE(status.code(), absl::StatusCode::kInternal) << life.method->path << status;
    EXPECT_NE(status.code(), absl::StatusCode::kUnknown) << life.method->path << status;
    EXPECT_TRUE(status.ok() || !status.message().empty()) << life.method->path << status;
  }
}

}  // namespace eldr
