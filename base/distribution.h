// Counts, sums and percentiles of durations: the one percentile routine of the project.
#pragma once

#include <cstdint>
#include <vector>

namespace trapline {

// The rank, from 1, of a percentile among `count` samples, `percent` in (0, 100].
[[nodiscard]] std::uint64_t nearest_rank(double percent, std::uint64_t count);

// Percentiles are nearest-rank. Up to 100,000 samples they are exact; from there on they come from a
// log-linear histogram (base/log_linear.h: at most 1/128 < 1 % too high, never too low).
class Distribution {
 public:
  static constexpr std::size_t kExactLimit = 100'000;

  void add(std::uint64_t value_ns);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::uint64_t total() const { return total_; }
  [[nodiscard]] std::uint64_t min() const { return count_ == 0 ? 0 : min_; }
  [[nodiscard]] std::uint64_t max() const { return max_; }
  [[nodiscard]] double mean() const;
  // Standard deviation of the samples (divisor n - 1), by Welford's method; 0 below two samples.
  [[nodiscard]] double stddev() const;
  // How sure the mean is, as `perf kvm stat` prints it after +-: the standard deviation of the mean, in
  // percent of the mean.
  [[nodiscard]] double relative_stddev_percent() const;
  // Nearest-rank percentile, `percent` in (0, 100]; 0 when there are no samples.
  [[nodiscard]] std::uint64_t percentile(double percent) const;
  // Whether percentile() is exact or from the histogram.
  [[nodiscard]] bool exact() const { return histogram_.empty(); }

 private:
  void add_to_histogram(std::uint64_t value);

  std::uint64_t count_ = 0;
  std::uint64_t total_ = 0;
  std::uint64_t min_ = ~std::uint64_t{0};
  std::uint64_t max_ = 0;
  double running_mean_ = 0;
  double squared_distance_ = 0;
  mutable std::vector<std::uint64_t> samples_;
  mutable bool sorted_ = true;
  std::vector<std::uint64_t> histogram_;
};

}  // namespace trapline
