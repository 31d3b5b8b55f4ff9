// The buckets of the log-linear histogram: values below 128 have one each; above, each power of two has 128.
// So a value that is told by its bucket is at most 1/128 < 1 % too high, never too low.
#pragma once

#include <cstddef>
#include <cstdint>

namespace trapline::log_linear {

inline constexpr unsigned kStepBits = 7;
inline constexpr std::size_t kSteps = std::size_t{1} << kStepBits;
inline constexpr std::size_t kBuckets = (64 - kStepBits + 1) * kSteps;

// All of them also for coarser buckets: 2^step_bits to a power of two.
[[nodiscard]] std::size_t bucket_of(std::uint64_t value, unsigned step_bits = kStepBits);
// The largest value that falls into the bucket, and how many there are.
[[nodiscard]] std::uint64_t bucket_top(std::size_t bucket, unsigned step_bits = kStepBits);
[[nodiscard]] std::uint64_t bucket_width(std::size_t bucket, unsigned step_bits = kStepBits);

}  // namespace trapline::log_linear
