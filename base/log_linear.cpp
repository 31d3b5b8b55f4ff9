#include "base/log_linear.h"

#include <bit>

namespace trapline::log_linear {
namespace {

// Low bits that values of one bucket do not share.
unsigned shift_of(std::size_t bucket, unsigned step_bits) {
  const std::size_t octave = bucket >> step_bits;
  return octave == 0 ? 0 : static_cast<unsigned>(octave - 1);
}

}  // namespace

std::size_t bucket_of(std::uint64_t value, unsigned step_bits) {
  const std::uint64_t steps = std::uint64_t{1} << step_bits;
  if (value < steps) return static_cast<std::size_t>(value);
  const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - step_bits - 1;
  return static_cast<std::size_t>((shift + 1) * steps + ((value >> shift) - steps));
}

std::uint64_t bucket_top(std::size_t bucket, unsigned step_bits) {
  const std::uint64_t steps = std::uint64_t{1} << step_bits;
  if (bucket < steps) return bucket;
  const std::uint64_t step = bucket % steps + steps;
  return ((step + 1) << shift_of(bucket, step_bits)) - 1;
}

std::uint64_t bucket_width(std::size_t bucket, unsigned step_bits) {
  return std::uint64_t{1} << shift_of(bucket, step_bits);
}

}  // namespace trapline::log_linear
