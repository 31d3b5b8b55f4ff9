#include "viewer/web/time_pool.h"

#include <algorithm>

namespace trapline::viewer {

void TimePool::settle() {
  std::ranges::sort(times_);
  times_.erase(std::unique(times_.begin(), times_.end()), times_.end());
}

void TimeReferences::write(std::int64_t previous_ns, std::int64_t at_ns, ByteColumn& column) {
  while (near_ < times_.size() && times_[near_] < previous_ns)
    ++near_;
  while (near_ > 0 && times_[near_ - 1] >= previous_ns)
    --near_;
  const auto found = std::ranges::lower_bound(times_, at_ns);
  if (found != times_.end() && *found == at_ns) {
    const auto place = found - times_.begin();
    column.number(zigzag(place - static_cast<std::ptrdiff_t>(near_)) << 1);
  } else {
    column.number(zigzag(at_ns - previous_ns) << 1 | 1);
  }
}

}  // namespace trapline::viewer
