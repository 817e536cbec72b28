#include "tests/chaos/cable.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "tests/chaos/child_process.h"

namespace eldr {
namespace {

constexpr char kPrefix[] = "/29";

bool Run(const std::vector<std::string>& command) {
  ChildProcess process(command, "/dev/null");
  return process.pid() != 0 && process.Wait() == 0;
}

}  // namespace

Cable::Cable() : name_(absl::StrCat("eldr", getpid())), far_(absl::StrCat(name_, "f")) {
  usable_ = Run({"ip", "netns", "add", name_}) &&
            Run({"ip", "link", "add", name_, "type", "veth", "peer", "name", far_}) &&
            Run({"ip", "link", "set", far_, "netns", name_}) &&
            Run({"ip", "address", "add", Address(1) + kPrefix, "dev", name_}) &&
            Run({"ip", "link", "set", name_, "up"}) &&
            Run({"ip", "-n", name_, "address", "add", Address(2) + kPrefix, "dev", far_}) &&
            Run({"ip", "-n", name_, "link", "set", "lo", "up"}) &&
            Run({"ip", "-n", name_, "link", "set", far_, "up"});
}

Cable::~Cable() {
  Run({"ip", "link", "delete", name_});
  Run({"ip", "netns", "delete", name_});
}

std::string Cable::Address(int number) {
  return absl::StrCat("198.18.", getpid() / 32 % 256, ".", getpid() % 32 * 8 + number);
}

void Cable::Cut() { EXPECT_TRUE(Run({"ip", "link", "set", name_, "down"})); }

void Cable::Mend() { EXPECT_TRUE(Run({"ip", "link", "set", name_, "up"})); }

void Cable::ReplaceFarAddress(int number) {
  EXPECT_TRUE(Run({"ip", "-n", name_, "address", "flush", "dev", far_}));
  AddFarAddress(number);
}

void Cable::AddFarAddress(int number) {
  EXPECT_TRUE(Run({"ip", "-n", name_, "address", "add", Address(number) + kPrefix, "dev", far_}));
}

}  // namespace eldr
