#include "tracer/clock/sample.h"

#include <time.h>
#include <x86intrin.h>

#include <limits>

namespace trapline::tracer {
namespace {

HostNs monotonic_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return HostNs{static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
                static_cast<std::uint64_t>(now.tv_nsec)};
}

// RDTSC between load fences: not before what precedes it, not after what follows.
HostTsc fenced_tsc() {
  _mm_lfence();
  const HostTsc tsc{__rdtsc()};
  _mm_lfence();
  return tsc;
}

}  // namespace

ClockSample take_clock_sample(int attempts) {
  ClockSample best;
  best.half_width_tsc = std::numeric_limits<std::uint64_t>::max();
  for (int i = 0; i < attempts; ++i) {
    const HostTsc before = fenced_tsc();
    const HostNs now = monotonic_now();
    const HostTsc after = fenced_tsc();
    const std::uint64_t half_width = (after.value - before.value + 1) / 2;
    if (half_width < best.half_width_tsc) {
      best = ClockSample{HostTsc{before.value + (after.value - before.value) / 2}, now, half_width};
    }
  }
  return best;
}

}  // namespace trapline::tracer
