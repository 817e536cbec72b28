#include "server/base/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>
#include <string>

#include "gtest/gtest.h"
#include "server/base/unique_fd.h"
#include "tests/support/temp_dir.h"

namespace eldr {
namespace {

// Where a service manager listens; `name` is as in $NOTIFY_SOCKET.
class Socket {
 public:
  explicit Socket(const std::string& name) : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    if (name[0] == '@') address.sun_path[0] = '\0';
    const std::size_t size = offsetof(sockaddr_un, sun_path) + name.size();
    EXPECT_EQ(
        bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size)),
        0);
  }

  // The next datagram; empty if there is none.
  std::string Read() {
    char text[512];
    const ssize_t size = recv(fd_.get(), text, sizeof(text), 0);
    return size < 0 ? "" : std::string(text, static_cast<std::size_t>(size));
  }

 private:
  UniqueFd fd_;
};

TEST(ServiceManagerTest, TellsWhatSystemdExpects) {
  const TempDir dir;
  const std::string path = dir / "notify";
  for (const std::string& name : {path, std::string("@eldr-test-") + path}) {
    Socket socket(name);
    const ServiceManager manager(name);
    manager.Ready("Serving");
    EXPECT_EQ(socket.Read(), "READY=1\nSTATUS=Serving") << name;
    manager.Alive();
    EXPECT_EQ(socket.Read(), "WATCHDOG=1");
    manager.Reloading();
    EXPECT_EQ(socket.Read(), "RELOADING=1");
    manager.Stopping(absl::Seconds(40));
    EXPECT_EQ(socket.Read(),
              "STOPPING=1\nSTATUS=Finishing the calls in flight\nEXTEND_TIMEOUT_USEC=40000000\n"
              "WATCHDOG_USEC=40000000");
  }
}

TEST(ServiceManagerTest, NobodyToTellIsNoFault) {
  const TempDir dir;
  EXPECT_FALSE(ServiceManager("").listens());
  ServiceManager("").Ready("Serving");
  ServiceManager(dir / "nobody").Ready("Serving");
  ServiceManager(std::string(300, 'x')).Ready("Serving");
}

}  // namespace
}  // namespace eldr
