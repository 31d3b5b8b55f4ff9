#include "analysis/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace trapline::analysis {

std::size_t block_length(std::size_t slices) {
  std::size_t length = 1;
  while (length * length * length < slices)
    ++length;
  return length;
}

Resamples::Resamples(std::size_t slices, std::uint64_t seed)
    : slices_(slices), weights_(slices * kResamples) {
  const std::size_t length = block_length(slices);
  // Its numbers are the standard's; those of the standard's distributions are each library's own.
  std::mt19937_64 random(seed);
  for (std::size_t resample = 0; resample < kResamples && slices != 0; ++resample) {
    std::uint16_t* weights = weights_.data() + resample * slices;
    for (std::size_t drawn = 0; drawn < slices;) {
      const auto first = static_cast<std::size_t>(random() % slices);
      for (std::size_t i = 0; i < length && drawn < slices; ++i, ++drawn)
        ++weights[(first + i) % slices];
    }
  }
}

double Resamples::blocks() const {
  return static_cast<double>(slices_) / static_cast<double>(block_length(slices_));
}

double stretch_for(double blocks) {
  constexpr double kNormal = 1.959964;  // the quantile of kIntervalLevel
  static_assert(kIntervalLevel == 0.95);
  const double freedom = std::max(blocks - 1, 1.0);
  // Abramowitz & Stegun 26.7.5.
  const double squared = kNormal * kNormal;
  const double first = (squared + 1) / 4;
  const double second = (5 * squared * squared + 16 * squared + 3) / 96;
  const double student_by_normal = 1 + first / freedom + second / (freedom * freedom);
  return student_by_normal * std::sqrt((freedom + 1) / freedom);
}

Interval difference_interval(const Resampled& a, const Resampled& b) {
  std::vector<double> differences(std::min(a.resamples.size(), b.resamples.size()));
  if (differences.empty()) return {};
  for (std::size_t i = 0; i < differences.size(); ++i)
    differences[i] = b.resamples[i] - a.resamples[i];
  const auto cut_off =
      static_cast<std::ptrdiff_t>((1 - kIntervalLevel) / 2 * static_cast<double>(differences.size()));
  const auto low = differences.begin() + cut_off;
  std::nth_element(differences.begin(), low, differences.end());
  const double lowest = *low;
  const auto high = differences.end() - 1 - cut_off;
  std::nth_element(differences.begin(), high, differences.end());
  const double difference = b.value - a.value;
  const double stretch = stretch_for(std::min(a.blocks, b.blocks));
  return {difference + stretch * (lowest - difference), difference + stretch * (*high - difference)};
}

}  // namespace trapline::analysis
