// Durations of one interval that the kernel has put into a histogram.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "bpf/top.h"

namespace trapline::tracer {

inline constexpr std::size_t kTopBuckets = std::extent_v<decltype(trl_top_row::histogram)>;

struct LiveFigures {
  std::uint64_t count = 0;  // durations
  std::uint64_t total_ns = 0;
  std::uint64_t max_ns = 0;
  std::array<std::uint64_t, kTopBuckets> histogram{};

  void add(const LiveFigures& other);
  [[nodiscard]] double mean_ns() const;
  // Nearest rank, told by the middle of its bucket: wrong by 1/16 at the most. 0 when there are none.
  [[nodiscard]] std::uint64_t percentile_ns(double percent) const;
};

}  // namespace trapline::tracer
