// Keeps gRPC reading while streams are open that nobody waits on.
#ifndef ELDR_CLIENT_SRC_CHANNEL_READER_H_
#define ELDR_CLIENT_SRC_CHANNEL_READER_H_

#include <grpcpp/completion_queue.h>

#include <thread>

namespace eldr::client::internal {

// gRPC reads connections on the threads that wait for something, and else every five seconds. On an
// open stream between two messages nobody waits, so the answers to pings would be read too late,
// and a living daemon be taken for dead. This thread waits all the time, for nothing.
class ChannelReader {
 public:
  ChannelReader() : thread_([this] { Run(); }) {}
  ~ChannelReader() {
    queue_.Shutdown();
    thread_.join();
  }
  ChannelReader(const ChannelReader&) = delete;
  ChannelReader& operator=(const ChannelReader&) = delete;

 private:
  void Run() {
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }

  grpc::CompletionQueue queue_;
  std::thread thread_;  // last: it uses the queue
};

}  // namespace eldr::client::internal

#endif  // ELDR_CLIENT_SRC_CHANNEL_READER_H_
