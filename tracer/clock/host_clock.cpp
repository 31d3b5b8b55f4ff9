#include "tracer/clock/host_clock.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>

namespace trapline::tracer {
namespace {

double slope(const ClockSample& from, const ClockSample& to) {
  return static_cast<double>(to.ns.value - from.ns.value) /
         static_cast<double>(to.tsc.value - from.tsc.value);
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
  std::uint64_t widest = 0;
  std::uint64_t uneven_ns = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const ClockSample& sample = samples[i];
    widest = std::max(widest, sample.half_width_tsc);
    if (i + 1 < samples.size()) segments_.push_back({sample.tsc, sample.ns, slope(sample, samples[i + 1])});
    if (i == 0 || i + 1 == samples.size()) continue;
    const ClockSample& before = samples[i - 1];
    const Segment past_it{before.tsc, before.ns, slope(before, samples[i + 1])};
    const std::int64_t off = ns_between(past_it.at(sample.tsc), sample.ns);
    uneven_ns = std::max(uneven_ns, static_cast<std::uint64_t>(std::llabs(off)));
  }
  const auto width_ns = static_cast<std::uint64_t>(std::ceil(static_cast<double>(widest) * ns_per_tick_));
  error_bound_ns_ = width_ns + uneven_ns + 1;  // 1: rounding to whole nanoseconds
}

const HostClock::Segment& HostClock::segment_at(HostTsc tsc) const {
  const auto later = std::upper_bound(segments_.begin(), segments_.end(), tsc,
                                      [](HostTsc t, const Segment& segment) { return t < segment.tsc; });
  return later == segments_.begin() ? segments_.front() : *std::prev(later);
}

}  // namespace trapline::tracer
