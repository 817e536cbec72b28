// A network of two hosts that can be cut. Needs root and iproute2.
#ifndef ELDR_TESTS_CHAOS_CABLE_H_
#define ELDR_TESTS_CHAOS_CABLE_H_

#include <string>
#include <vector>

namespace eldr {

// Two ends of a cable: the test's, and one in a network namespace of its own.
class Cable {
 public:
  Cable();
  ~Cable();
  Cable(const Cable&) = delete;
  Cable& operator=(const Cable&) = delete;

  // False where no such thing may be made.
  bool usable() const { return usable_; }
  // Addresses of the network, 1 to 6: 1 is the near end's, 2 the far end's. From 198.18.0.0/15,
  // which is set aside for tests of networks.
  static std::string Address(int number);
  // What runs a program at the far end.
  std::vector<std::string> AtTheFarEnd() const { return {"ip", "netns", "exec", name_}; }
  void Cut();
  void Mend();
  // The far end has this address and no other from now on. What is sent to its former one is lost
  // without a word, and so is what it would still send.
  void ReplaceFarAddress(int number);
  // The far end has this address too.
  void AddFarAddress(int number);

 private:
  const std::string name_;
  const std::string far_;
  bool usable_ = false;
};

}  // namespace eldr

#endif  // ELDR_TESTS_CHAOS_CABLE_H_
