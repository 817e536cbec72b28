#include <iostream>
#include <string>
#include <vector>

#include "client/ctl/eldrctl.h"

int main(int argc, char** argv) {
  return eldr::ctl::RunEldrctl(std::vector<std::string>(argv + 1, argv + argc), std::cout,
                               std::cerr);
}
