// The command line of eldrd.
#ifndef ELDR_SERVER_FLAGS_H_
#define ELDR_SERVER_FLAGS_H_

#include <optional>
#include <string>
#include <vector>

#include "server/config/config.h"

namespace eldr {

struct Flags {
  std::string config_path;
  bool check_config = false;
  bool print_config = false;
  // Where to write the addresses that were bound; empty: nowhere.
  std::string port_file;
  std::vector<ConfigOverride> overrides;
};

// Nothing if the process should end with `exit_code`: help or the version was printed, or what is
// wrong.
std::optional<Flags> ParseFlags(int argc, char** argv, int* exit_code);

}  // namespace eldr

#endif  // ELDR_SERVER_FLAGS_H_
