#include "tracer/live/live_figures.h"

#include <algorithm>

#include "base/distribution.h"
#include "base/log_linear.h"

namespace trapline::tracer {

void LiveFigures::add(const LiveFigures& other) {
  count += other.count;
  total_ns += other.total_ns;
  max_ns = std::max(max_ns, other.max_ns);
  for (std::size_t bucket = 0; bucket < histogram.size(); ++bucket)
    histogram[bucket] += other.histogram[bucket];
}

double LiveFigures::mean_ns() const {
  return count == 0 ? 0 : static_cast<double>(total_ns) / static_cast<double>(count);
}

std::uint64_t LiveFigures::percentile_ns(double percent) const {
  if (count == 0) return 0;
  const std::uint64_t rank = nearest_rank(percent, count);
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < histogram.size(); ++bucket) {
    seen += histogram[bucket];
    if (seen < rank) continue;
    const std::uint64_t top = log_linear::bucket_top(bucket, TRL_TOP_STEP_BITS);
    const std::uint64_t middle = top - log_linear::bucket_width(bucket, TRL_TOP_STEP_BITS) / 2;
    return max_ns == 0 ? middle : std::min(middle, max_ns);
  }
  return max_ns;  // a duration was counted, but is not in the histogram yet
}

}  // namespace trapline::tracer
