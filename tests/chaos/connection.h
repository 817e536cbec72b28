// A TCP connection that speaks no gRPC.
#ifndef ELDR_TESTS_CHAOS_CONNECTION_H_
#define ELDR_TESTS_CHAOS_CONNECTION_H_

#include <string>

namespace eldr {

class Connection {
 public:
  // To a port of the loopback, HOST:PORT.
  explicit Connection(const std::string& target);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void Send(const std::string& bytes);
  // The peer has sent something, as gRPC does when it has accepted a connection.
  bool heard() const { return heard_; }
  // Reads away what came.
  bool ClosedByPeer();

 private:
  const int socket_;
  bool heard_ = false;
};

}  // namespace eldr

#endif  // ELDR_TESTS_CHAOS_CONNECTION_H_
