// The bound that is printed bounds the error: over many clocks, each with its drift, changes and noise.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "drifting_clock.h"
#include "tracer/clock/host_clock.h"

namespace trapline::tracer {
namespace {

using test::DriftingClock;

enum class Drift { none, slow, rate_changes, steps };

struct Kind {
  const char* name;
  Drift drift;
};

class ClockBound : public testing::TestWithParam<Kind> {
 protected:
  static double between(std::mt19937_64& random, double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random);
  }

  // Ticks of the samples as the recorder takes them: close together at first, then about every 100 ms.
  static std::vector<double> sample_ticks(std::mt19937_64& random) {
    const double tick = between(random, 1e6, 1e9);
    std::vector<double> ticks = {tick};
    for (double interval = 6e6; interval < 2e8; interval *= 2)
      ticks.push_back(std::floor(ticks.back() + interval * between(random, 1, 1.3)));
    for (int i = 0; i < 30; ++i)
      ticks.push_back(std::floor(ticks.back() + between(random, 2e8, 4e8)));
    ticks.push_back(std::floor(ticks.back() + between(random, 1e5, 2e8)));
    return ticks;
  }

  // A change in every third interval at most, anywhere in it.
  static void change_now_and_then(DriftingClock& clock, const std::vector<double>& ticks, Drift drift,
                                  std::mt19937_64& random) {
    const double rate = clock.rate();
    for (std::size_t i = random() % 4; i + 1 < ticks.size(); i += 3 + random() % 5) {
      const double at = between(random, ticks[i], ticks[i + 1]);
      if (drift == Drift::steps) {
        // Backwards by no more than the clock ran since the sample: it is refused otherwise.
        const double back = -0.5 * (at - ticks[i]) * rate;
        clock.change(at, rate, between(random, std::max(-1e6, back), 1e6));
      } else {
        clock.change(at, rate * (1 + between(random, -5e-4, 5e-4)), 0);
      }
    }
  }
};

TEST_P(ClockBound, HoldsBetweenTheFirstAndTheLastSample) {
  double closest = 0;  // error by bound
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    std::mt19937_64 random(seed);
    DriftingClock truth(between(random, 0.25, 1.1));
    const std::vector<double> ticks = sample_ticks(random);
    if (GetParam().drift == Drift::slow) truth.wave(between(random, 0, 1e5), between(random, 2e9, 2e10));
    if (GetParam().drift == Drift::rate_changes || GetParam().drift == Drift::steps) {
      change_now_and_then(truth, ticks, GetParam().drift, random);
    }
    const std::uint64_t half_width = random() % 200;
    std::vector<ClockSample> samples;
    samples.reserve(ticks.size());
    for (const double tick : ticks)
      samples.push_back(truth.sample(tick, half_width, random));
    const auto clock = HostClock::through(samples);
    ASSERT_TRUE(clock) << "seed " << seed << ": " << clock.error().text();

    std::vector<double> probes = ticks;
    for (const double change : truth.changes()) {
      for (const double beside : {-1.0, 0.0, 1.0})
        probes.push_back(std::floor(change) + beside);
    }
    for (int i = 0; i < 2000; ++i)
      probes.push_back(std::floor(between(random, ticks.front(), ticks.back())));
    for (const double probe : probes) {
      if (probe < ticks.front() || probe > ticks.back()) continue;
      const auto date = clock->to_ns(HostTsc{static_cast<std::uint64_t>(probe)});
      const double error = std::fabs(static_cast<double>(date.value) - truth.ns(probe));
      // Doubles of this size tell thousandths of a nanosecond.
      ASSERT_LE(error, static_cast<double>(clock->error_bound_ns()) + 0.01)
          << "seed " << seed << ", tick " << probe;
      closest = std::max(closest, error / static_cast<double>(clock->error_bound_ns()));
    }
    if (GetParam().drift == Drift::none) {
      // Between even intervals noise alone makes it no more than this; a bound of any size would hold.
      EXPECT_LE(static_cast<double>(clock->error_bound_ns()),
                14 * static_cast<double>(half_width) * truth.rate() + 14);
    }
  }
  EXPECT_GT(closest, 0.2) << "and is no more than a few times too wide";
}

INSTANTIATE_TEST_SUITE_P(Drifts, ClockBound,
                         testing::Values(Kind{"none", Drift::none}, Kind{"slow", Drift::slow},
                                         Kind{"rate_changes", Drift::rate_changes},
                                         Kind{"steps", Drift::steps}),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace trapline::tracer
