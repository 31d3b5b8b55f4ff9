// Pairs of (host TSC, CLOCK_MONOTONIC) read at the same moment, with how far apart they may be.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace trapline::tracer {

// `ns` was read somewhere within tsc +- half_width_tsc.
struct ClockSample {
  HostTsc tsc;
  HostNs ns;
  std::uint64_t half_width_tsc = 0;
};

// Reads TSC, clock, TSC `attempts` times and keeps the narrowest of these sandwiches.
[[nodiscard]] ClockSample take_clock_sample(int attempts = 64);

}  // namespace trapline::tracer
