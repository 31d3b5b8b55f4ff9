#include "base/log_linear.h"

#include <bit>

namespace trapline::log_linear {
namespace {

// Low bits that values of one bucket do not share.
unsigned shift_of(std::size_t bucket) {
  return bucket < kSteps ? 0 : static_cast<unsigned>(bucket / kSteps - 1);
}

}  // namespace

std::size_t bucket_of(std::uint64_t value) {
  if (value < kSteps) return static_cast<std::size_t>(value);
  const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - kStepBits - 1;
  return (shift + 1) * kSteps + static_cast<std::size_t>((value >> shift) - kSteps);
}

std::uint64_t bucket_top(std::size_t bucket) {
  if (bucket < kSteps) return bucket;
  const std::uint64_t step = bucket % kSteps + kSteps;
  return ((step + 1) << shift_of(bucket)) - 1;
}

std::uint64_t bucket_width(std::size_t bucket) {
  return std::uint64_t{1} << shift_of(bucket);
}

}  // namespace trapline::log_linear
