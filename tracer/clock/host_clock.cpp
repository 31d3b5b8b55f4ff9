#include "tracer/clock/host_clock.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

namespace trapline::tracer {
namespace {

double slope(const ClockSample& from, const ClockSample& to) {
  return static_cast<double>(to.ns.value - from.ns.value) /
         static_cast<double>(to.tsc.value - from.tsc.value);
}

// Readings are whole nanoseconds.
constexpr double kRoundingNs = 0.5;

// One interval between two samples.
struct Interval {
  double ticks;
  double ns_per_tick;
  double width_from_ns;  // how far off the samples at its ends can be
  double width_to_ns;

  [[nodiscard]] double widths_ns() const { return width_from_ns + width_to_ns; }
  [[nodiscard]] double width_ns() const { return std::max(width_from_ns, width_to_ns); }
};

std::vector<Interval> intervals_between(const std::vector<ClockSample>& samples, double ns_per_tick) {
  const auto width_ns = [&](const ClockSample& sample) {
    return static_cast<double>(sample.half_width_tsc) * ns_per_tick + kRoundingNs;
  };
  std::vector<Interval> intervals;
  for (std::size_t i = 0; i + 1 < samples.size(); ++i) {
    const auto ticks = static_cast<double>(samples[i + 1].tsc.value - samples[i].tsc.value);
    intervals.push_back(
        {ticks, slope(samples[i], samples[i + 1]), width_ns(samples[i]), width_ns(samples[i + 1])});
  }
  return intervals;
}

// How far off a date in `interval` can be, as far as the one beside it can tell. It has a sample in common
// with it, so of the samples' own errors those of `beside` count by the ratio of their lengths, the
// interval's own once.
double error_beside_ns(const Interval& interval, const Interval& beside) {
  const double beyond_ns = std::fabs(interval.ns_per_tick - beside.ns_per_tick) * interval.ticks;
  return beyond_ns + interval.width_ns() + beside.widths_ns() * interval.ticks / beside.ticks;
}

// A change lies in the interval itself or in one beside it, not in both beside it: the better witness counts.
double error_in_ns(const std::vector<Interval>& intervals, std::size_t i) {
  if (intervals.size() == 1) return intervals[i].width_ns();
  double error = std::numeric_limits<double>::infinity();
  if (i > 0) error = error_beside_ns(intervals[i], intervals[i - 1]);
  if (i + 1 < intervals.size()) error = std::min(error, error_beside_ns(intervals[i], intervals[i + 1]));
  return error;
}

}  // namespace

Result<HostClock> HostClock::through(std::vector<ClockSample> samples) {
  // Samples at the same tick (counted time stands still now and then) say nothing new.
  const auto same_tick = [](const ClockSample& a, const ClockSample& b) { return a.tsc == b.tsc; };
  samples.erase(std::unique(samples.begin(), samples.end(), same_tick), samples.end());
  if (samples.size() < 2) {
    return fail(
        "the recording has fewer than two clock samples: time stamps of guest and VMM cannot be dated",
        "record for longer than a moment");
  }
  for (std::size_t i = 1; i < samples.size(); ++i) {
    if (samples[i].tsc < samples[i - 1].tsc || samples[i].ns < samples[i - 1].ns) {
      return fail(
          fmt::format("the host's TSC or clock ran backwards between clock samples {} and {}", i - 1, i),
          "trace on a machine whose clocksource is tsc (trapline doctor shows it)");
    }
  }
  return HostClock(samples);
}

HostClock::HostClock(const std::vector<ClockSample>& samples)
    : ns_per_tick_(slope(samples.front(), samples.back())) {
  const std::vector<Interval> intervals = intervals_between(samples, ns_per_tick_);
  double worst_ns = 0;
  for (std::size_t i = 0; i < intervals.size(); ++i) {
    segments_.push_back({samples[i].tsc, samples[i].ns, intervals[i].ns_per_tick});
    worst_ns = std::max(worst_ns, error_in_ns(intervals, i));
  }
  error_bound_ns_ = static_cast<std::uint64_t>(std::ceil(worst_ns + kRoundingNs));
}

const HostClock::Segment& HostClock::segment_at(HostTsc tsc) const {
  const auto later = std::upper_bound(segments_.begin(), segments_.end(), tsc,
                                      [](HostTsc t, const Segment& segment) { return t < segment.tsc; });
  return later == segments_.begin() ? segments_.front() : *std::prev(later);
}

}  // namespace trapline::tracer
