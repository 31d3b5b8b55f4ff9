// Runs something in a process of its own, so that its peak memory is its own.
#pragma once

#include <cstdint>
#include <functional>

#include "base/result.h"

namespace trapline::bench {

// What was done, as the measured function counts it.
struct Work {
  std::uint64_t items = 0;
  std::uint64_t bytes = 0;
};

struct Measured {
  Work work;
  double seconds = 0;
  double peak_mib = 0;  // most memory resident at once, mapped files included
};

[[nodiscard]] Result<Measured> measure_in_child(const std::function<Result<Work>()>& run);

}  // namespace trapline::bench
