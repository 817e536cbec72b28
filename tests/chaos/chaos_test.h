// What chaos tests share: a daemon, its nodes, a load, and what must hold when all is over.
#ifndef ELDR_TESTS_CHAOS_CHAOS_TEST_H_
#define ELDR_TESTS_CHAOS_CHAOS_TEST_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/chaos/child_process.h"
#include "tests/chaos/eldrd_process.h"
#include "tests/chaos/load.h"

namespace eldr {

class ChaosTest : public ::testing::Test {
 protected:
  void StartDaemon(EldrdProcess::Settings settings = {});

  // A helper process; see worker.cc. Returns when it says that it is ready.
  std::unique_ptr<ChildProcess> StartWorker(std::vector<std::string> arguments,
                                            const std::vector<std::string>& prefix = {});
  // A node that sends heartbeats, over the unix socket.
  std::unique_ptr<ChildProcess> StartNode(const std::string& node_id);

  // A load on the unix socket.
  std::unique_ptr<Load> StartLoad(Load::Options options = {});
  // Stops it. Nothing failed, no request was placed twice, and no lease is left. Requests whose
  // node was lost while they ran, one of `lost_nodes`, may have been placed anew.
  void ExpectNothingFailedAndNothingLeft(Load& load,
                                         const std::vector<std::string>& lost_nodes = {});
  // Within half a minute.
  void ExpectNoLeases();

  bool NodeIs(const std::string& node_id, const std::string& state) const;

  std::unique_ptr<EldrdProcess> eldrd_;

 private:
  int workers_ = 0;
};

}  // namespace eldr

#endif  // ELDR_TESTS_CHAOS_CHAOS_TEST_H_
