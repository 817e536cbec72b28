// Calls whose clients end them at any point of their lives.
#ifndef ELDR_TESTS_SERVER_RPC_REACTOR_LIVES_H_
#define ELDR_TESTS_SERVER_RPC_REACTOR_LIVES_H_

#include <cstddef>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "tests/server/rpc/raw_http2.h"
#include "tests/server/rpc/service_methods.h"

namespace eldr {

// How many calls the tests make: ELDR_REACTOR_CALLS, or 2,000 in all.
std::size_t ReactorCalls();

// Makes calls of every method, over one connection after the other. Each call is led to a point of
// its life (its headers, a part of a message, a message, the half-close, an answer) and there it is
// reset, half-closed, left to a deadline of a microsecond to milliseconds, or loses its connection.
class ReactorLives {
 public:
  // `headers` are sent with each call.
  ReactorLives(int port, unsigned seed, RawHttp2::Headers headers = {});

  // Makes `calls` calls; fewer if the server goes away.
  void Run(std::size_t calls);

  // Calls that were answered with a status, by its code.
  const std::map<absl::StatusCode, std::size_t>& answered() const { return answered_; }
  std::size_t made() const { return made_; }

 private:
  enum class Point;
  struct Life;

  // One connection with some calls. False if it could not be made or was lost.
  bool Connection(std::size_t calls);
  Life Begin(RawHttp2& connection);
  // Takes a call on to the point where it is to end, and ends it.
  void Lead(RawHttp2& connection, Life& life);
  void Count(RawHttp2& connection, const std::vector<Life>& lives);
  bool OneIn(unsigned n) { return random_() % n == 0; }
  template <typename Choices>
  const auto& OneOf(const Choices& choices) {
    return choices[random_() % std::size(choices)];
  }

  const int port_;
  const RawHttp2::Headers headers_;
  const std::vector<ServiceMethod> methods_ = AllMethods();
  std::mt19937 random_;
  std::map<absl::StatusCode, std::size_t> answered_;
  std::size_t made_ = 0;
};

}  // namespace eldr

#endif  // ELDR_TESTS_SERVER_RPC_REACTOR_LIVES_H_
