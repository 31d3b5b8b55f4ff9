#include "base/distribution.h"

#include <algorithm>
#include <cmath>

#include "base/log_linear.h"

namespace trapline {

std::uint64_t nearest_rank(double percent, std::uint64_t count) {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(percent / 100 * static_cast<double>(count)));
  return std::clamp<std::uint64_t>(wanted, 1, count);
}

void Distribution::add(std::uint64_t value_ns) {
  ++count_;
  total_ += value_ns;
  min_ = std::min(min_, value_ns);
  max_ = std::max(max_, value_ns);
  const auto value = static_cast<double>(value_ns);
  const double distance = value - running_mean_;
  running_mean_ += distance / static_cast<double>(count_);
  squared_distance_ += distance * (value - running_mean_);

  if (!histogram_.empty()) {
    add_to_histogram(value_ns);
    return;
  }
  sorted_ = sorted_ && (samples_.empty() || samples_.back() <= value_ns);
  samples_.push_back(value_ns);
  if (samples_.size() > kExactLimit) {
    histogram_.resize(log_linear::kBuckets);
    for (const std::uint64_t sample : samples_)
      add_to_histogram(sample);
    samples_ = {};
  }
}

void Distribution::add_to_histogram(std::uint64_t value) {
  ++histogram_[log_linear::bucket_of(value)];
}

double Distribution::mean() const {
  return count_ == 0 ? 0 : static_cast<double>(total_) / static_cast<double>(count_);
}

double Distribution::stddev() const {
  return count_ < 2 ? 0 : std::sqrt(squared_distance_ / static_cast<double>(count_ - 1));
}

double Distribution::relative_stddev_percent() const {
  return count_ < 2 || total_ == 0 ? 0 : 100 * stddev() / std::sqrt(static_cast<double>(count_)) / mean();
}

std::uint64_t Distribution::percentile(double percent) const {
  if (count_ == 0) return 0;
  const std::uint64_t rank = nearest_rank(percent, count_);
  if (histogram_.empty()) {
    if (!sorted_) {
      std::sort(samples_.begin(), samples_.end());
      sorted_ = true;
    }
    return samples_[static_cast<std::size_t>(rank - 1)];
  }
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < histogram_.size(); ++bucket) {
    seen += histogram_[bucket];
    if (seen >= rank) return std::min(log_linear::bucket_top(bucket), max_);
  }
  return max_;
}

}  // namespace trapline
