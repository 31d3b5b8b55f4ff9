#include "tracer/clock/host_clock.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace trapline::tracer {
namespace {

double slope(const ClockSample& from, const ClockSample& to) {
  return static_cast<double>(to.ns.value - from.ns.value) / static_cast<double>(to.tsc.value - from.tsc.value);
}

HostNs on_line(const ClockSample& through, double ns_per_tick, HostTsc tsc) {
  const auto ticks = static_cast<double>(static_cast<std::int64_t>(tsc.value - through.tsc.value));
  return HostNs{through.ns.value + static_cast<std::uint64_t>(std::llround(ticks * ns_per_tick))};
}

}  // namespace

Result<HostClock> HostClock::through(std::vector<ClockSample> samples) {
  // Samples at the same tick (counted time stands still now and then) say nothing new.
  const auto same_tick = [](const ClockSample& a, const ClockSample& b) { return a.tsc == b.tsc; };
  samples.erase(std::unique(samples.begin(), samples.end(), same_tick), samples.end());
  if (samples.size() < 2) {
    return fail("the recording has fewer than two clock samples: time stamps of guest and VMM cannot be dated",
                "record for longer than a moment");
  }
  for (std::size_t i = 1; i < samples.size(); ++i) {
    if (samples[i].tsc < samples[i - 1].tsc || samples[i].ns < samples[i - 1].ns) {
      return fail(fmt::format("the host's TSC or clock ran backwards between clock samples {} and {}", i - 1, i),
                  "trace on a machine whose clocksource is tsc (trapline doctor shows it)");
    }
  }
  return HostClock(std::move(samples));
}

HostClock::HostClock(std::vector<ClockSample> samples) : samples_(std::move(samples)) {
  ns_per_tick_ = slope(samples_.front(), samples_.back());
  std::uint64_t widest = 0;
  std::uint64_t uneven_ns = 0;
  for (std::size_t i = 0; i < samples_.size(); ++i) {
    widest = std::max(widest, samples_[i].half_width_tsc);
    if (i == 0 || i + 1 == samples_.size()) continue;
    const double rate = slope(samples_[i - 1], samples_[i + 1]);
    const std::int64_t off = ns_between(on_line(samples_[i - 1], rate, samples_[i].tsc), samples_[i].ns);
    uneven_ns = std::max(uneven_ns, static_cast<std::uint64_t>(std::llabs(off)));
  }
  const auto width_ns = static_cast<std::uint64_t>(std::ceil(static_cast<double>(widest) * ns_per_tick_));
  error_bound_ns_ = width_ns + uneven_ns + 1;  // 1: rounding to whole nanoseconds
}

HostNs HostClock::to_ns(HostTsc tsc) const {
  // The last sample at or before the tick, but never the very last one: its line starts one earlier.
  const auto after = std::upper_bound(samples_.begin(), samples_.end(), tsc,
                                      [](HostTsc t, const ClockSample& s) { return t < s.tsc; });
  auto index = static_cast<std::size_t>(after - samples_.begin());
  index = std::clamp<std::size_t>(index, 1, samples_.size() - 1) - 1;
  return on_line(samples_[index], slope(samples_[index], samples_[index + 1]), tsc);
}

}  // namespace trapline::tracer
