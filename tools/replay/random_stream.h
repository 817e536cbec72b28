// Random numbers that are the same on every machine and with every standard library.
#ifndef ELDR_TOOLS_REPLAY_RANDOM_STREAM_H_
#define ELDR_TOOLS_REPLAY_RANDOM_STREAM_H_

#include <cstdint>

namespace eldr::replay {

// SplitMix64. A stream is named by (seed, stream): what is drawn from one never shifts another, so
// that, say, the arrivals of a seed stay the same when output lengths are drawn too.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::uint64_t stream);

  std::uint64_t Next();
  // Uniform in [0, bound). REQUIRES: bound > 0.
  std::uint64_t Below(std::uint64_t bound);
  // Uniform in [0, 1), a multiple of 2^-53.
  double Uniform();
  // With mean 1.
  double Exponential();

 private:
  std::uint64_t state_;
};

}  // namespace eldr::replay

#endif  // ELDR_TOOLS_REPLAY_RANDOM_STREAM_H_
