// Every method of the daemon's services, for tests that hold for all of them.
#ifndef ELDR_TESTS_SERVER_RPC_SERVICE_METHODS_H_
#define ELDR_TESTS_SERVER_RPC_SERVICE_METHODS_H_

#include <string>
#include <vector>

namespace eldr {

struct ServiceMethod {
  std::string name;  // "Place"
  std::string path;  // "/eldr.v1.PlacementService/Place"
  bool client_streams = false;
  bool server_streams = false;
  // Requests in bytes: one without a field, and some that make the method work.
  std::vector<std::string> requests;
};

// As the descriptors have them, so that a new method is among them.
std::vector<ServiceMethod> AllMethods();

}  // namespace eldr

#endif  // ELDR_TESTS_SERVER_RPC_SERVICE_METHODS_H_
