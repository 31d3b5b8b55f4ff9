#include "cli/clock_sampler.h"

#include <algorithm>
#include <thread>

namespace trapline::cli {
namespace {

// Often enough to follow a slewing clock, seldom enough to cost nothing.
constexpr std::chrono::milliseconds kSampleEvery{100};
// Between the first two samples: long enough for a rate, too short to be noticed. Each interval after it is
// at most twice the one before: the clock's error bound compares intervals, and a short one says little of a
// long.
constexpr std::chrono::milliseconds kFirstInterval{2};

}  // namespace

Status ClockSampler::begin() {
  first_ = tracer::take_clock_sample();
  interval_ = kFirstInterval;
  TRAPLINE_TRY(writer_.write(first_));
  std::this_thread::sleep_for(kFirstInterval);
  return sample();
}

Status ClockSampler::sample() {
  const tracer::ClockSample taken = tracer::take_clock_sample();
  if (auto clock = tracer::HostClock::through({first_, taken})) clock_ = std::move(*clock);
  interval_ = std::min(2 * interval_, kSampleEvery);
  next_ = std::chrono::steady_clock::now() + interval_;
  return writer_.write(taken);
}

Status ClockSampler::tick() {
  return std::chrono::steady_clock::now() >= next_ ? sample() : Status{};
}

std::uint64_t ClockSampler::estimate_ns(HostTsc tsc) const {
  return clock_ ? clock_->to_ns(tsc).value : first_.ns.value;
}

}  // namespace trapline::cli
