#include <iostream>
#include <string>
#include <vector>

#include "client/agent/run_agent.h"

int main(int argc, char** argv) {
  return eldr::agent::RunAgent(std::vector<std::string>(argv + 1, argv + argc), std::cout,
                               std::cerr);
}
