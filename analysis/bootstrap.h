// How far a figure could have come out otherwise, told from one recording: a block bootstrap. Time is cut
// into slices, and the recording is put together again many times from blocks of neighbouring slices that are
// drawn at random (circular blocks: Politis & Romano 1992). What happens close together in time stays
// together, so figures of samples that depend on their neighbours get the wide interval that they deserve.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace trapline::analysis {

inline constexpr double kIntervalLevel = 0.95;
inline constexpr std::size_t kResamples = 2000;

// Slices in a block: the cube root of their number, rounded up. Longer blocks keep more of what lies close
// together, shorter ones give more blocks to draw from; that root is the order which balances the two.
[[nodiscard]] std::size_t block_length(std::size_t slices);

// How often each slice was drawn, for every resample; the same for the same slices and seed on every machine.
class Resamples {
 public:
  using Weights = std::span<const std::uint16_t>;

  Resamples(std::size_t slices, std::uint64_t seed);
  [[nodiscard]] double blocks() const;
  // `resample` below kResamples. The weights add up to the number of slices.
  [[nodiscard]] Weights operator[](std::size_t resample) const {
    return Weights(weights_).subspan(resample * slices_, slices_);
  }

 private:
  std::size_t slices_;
  std::vector<std::uint16_t> weights_;
};

struct Interval {
  double low = 0;
  double high = 0;

  [[nodiscard]] bool has(double value) const { return low <= value && value <= high; }
};

// A figure of a recording: what it is, and what it is in each resample.
struct Resampled {
  double value = 0;
  std::vector<double> resamples;
  double blocks = 0;  // that were drawn for each
};

// By how much an interval from `blocks` blocks must be stretched: resamples of few blocks differ less than
// recordings do. Student's t beside the normal distribution, and the root of n / (n - 1).
[[nodiscard]] double stretch_for(double blocks);

// Of b - a: between the quantiles of the resamples' differences, stretched as the fewer blocks ask for.
[[nodiscard]] Interval difference_interval(const Resampled& a, const Resampled& b);

}  // namespace trapline::analysis
