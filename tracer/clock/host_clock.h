// Host TSC -> CLOCK_MONOTONIC through samples of both, with a bound on the error.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "tracer/clock/sample.h"

namespace trapline::tracer {

// Between two samples the clock is taken to run evenly; before the first and after the last as in the
// outermost interval.
//
// The bound holds between the first and the last sample for a clock that drifts slowly, and for one that
// changes its rate or steps now and then: no more than once in an interval, the intervals beside it being
// free of it. What no sample can show, no bound can cover: two changes in one interval that make up for each
// other; with two samples, any. It is made of the samples' half widths (the clock was read somewhere within)
// and of how far the clock gets in an interval beyond what its rate in the interval beside it would have
// brought: a change in the middle can have put it wrong by all of that.
class HostClock {
 public:
  // At least two samples of different TSC values, in the order they were taken. Samples whose TSC or time
  // runs backwards are an error: such a TSC cannot date anything.
  static Result<HostClock> through(std::vector<ClockSample> samples);

  [[nodiscard]] HostNs to_ns(HostTsc tsc) const {
    return segments_.size() == 1 ? segments_.front().at(tsc) : segment_at(tsc).at(tsc);
  }
  [[nodiscard]] double ns_per_tick() const { return ns_per_tick_; }
  [[nodiscard]] std::uint64_t error_bound_ns() const { return error_bound_ns_; }

 private:
  // The clock from one sample on, until the next segment's.
  struct Segment {
    HostTsc tsc;
    HostNs ns;
    double ns_per_tick;
    static constexpr double kFar = 0x1p62;

    [[nodiscard]] HostNs at(HostTsc when) const {
      // Whoever is centuries away is not dated right anyway, but has to fit the integer.
      const double distance = std::clamp(
          static_cast<double>(static_cast<std::int64_t>(when.value - tsc.value)) * ns_per_tick, -kFar, kFar);
      // Rounded by hand: this runs for every stamp and mark while recording, and llround() is a call.
      const auto rounded = static_cast<std::int64_t>(distance + (distance < 0 ? -0.5 : 0.5));
      return HostNs{ns.value + static_cast<std::uint64_t>(rounded)};
    }
  };

  explicit HostClock(const std::vector<ClockSample>& samples);
  [[nodiscard]] const Segment& segment_at(HostTsc tsc) const;

  std::vector<Segment> segments_;  // at least one
  double ns_per_tick_ = 0;         // over the whole range
  std::uint64_t error_bound_ns_ = 0;
};

}  // namespace trapline::tracer
