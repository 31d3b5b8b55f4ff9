#include "tracer/clock/host_clock.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace trapline::tracer {
namespace {

// A machine whose clock runs at `ns_per_tick`, with a wave of drift on top.
struct SyntheticClock {
  double ns_per_tick = 0.4;
  double wave_ns = 0;
  double wave_ticks = 1e9;

  [[nodiscard]] double ns(std::uint64_t tsc) const {
    const auto t = static_cast<double>(tsc);
    return 5e12 + t * ns_per_tick + wave_ns * std::sin(t / wave_ticks);
  }
};

std::vector<ClockSample> sample(const SyntheticClock& clock, int count, std::uint64_t step,
                                std::uint64_t half_width, unsigned seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> within(-1, 1);
  std::vector<ClockSample> samples;
  for (int i = 0; i < count; ++i) {
    const std::uint64_t tsc = 1'000'000 + static_cast<std::uint64_t>(i) * step;
    const double noise = within(random) * static_cast<double>(half_width) * clock.ns_per_tick;
    samples.push_back(
        {HostTsc{tsc}, HostNs{static_cast<std::uint64_t>(std::llround(clock.ns(tsc) + noise))}, half_width});
  }
  return samples;
}

TEST(HostClock, IsExactOnALine) {
  const auto clock = HostClock::through({{HostTsc{1000}, HostNs{5000}, 0}, {HostTsc{3000}, HostNs{6000}, 0}});
  ASSERT_TRUE(clock);
  EXPECT_EQ(clock->to_ns(HostTsc{2000}), HostNs{5500});
  EXPECT_EQ(clock->to_ns(HostTsc{0}), HostNs{4500});
  EXPECT_EQ(clock->to_ns(HostTsc{5000}), HostNs{7000});
  EXPECT_LE(clock->error_bound_ns(), 1u);
}

TEST(HostClock, StaysWithinItsBoundUnderDriftAndNoise) {
  for (unsigned seed = 0; seed < 20; ++seed) {
    const SyntheticClock synthetic{.ns_per_tick = 0.3 + 0.02 * seed, .wave_ns = 2000, .wave_ticks = 3e9};
    const auto clock = HostClock::through(sample(synthetic, 40, 250'000'000, 50, seed));
    ASSERT_TRUE(clock);
    double worst = 0;
    for (std::uint64_t tsc = 1'000'000; tsc < 9'750'000'000; tsc += 7'777'777) {
      const auto error = static_cast<double>(clock->to_ns(HostTsc{tsc}).value) - synthetic.ns(tsc);
      worst = std::max(worst, std::fabs(error));
    }
    EXPECT_LE(worst, static_cast<double>(clock->error_bound_ns())) << "seed " << seed;
  }
}

TEST(HostClock, BoundGrowsWithTheSamplesWidthAndUnevenness) {
  const SyntheticClock even;
  const SyntheticClock uneven{.wave_ns = 50'000};
  const auto narrow = HostClock::through(sample(even, 10, 1'000'000'000, 10, 1));
  const auto wide = HostClock::through(sample(even, 10, 1'000'000'000, 10'000, 1));
  const auto waving = HostClock::through(sample(uneven, 10, 1'000'000'000, 10, 1));
  ASSERT_TRUE(narrow && wide && waving);
  EXPECT_LT(narrow->error_bound_ns(), 40u);
  EXPECT_GT(wide->error_bound_ns(), 1000u);
  EXPECT_GT(waving->error_bound_ns(), 10'000u);
}

TEST(HostClock, NeverRunsBackwards) {
  const auto clock = HostClock::through(sample({.wave_ns = 500}, 30, 100'000'000, 200, 3));
  ASSERT_TRUE(clock);
  HostNs last;
  for (std::uint64_t tsc = 0; tsc < 4'000'000'000; tsc += 999'983) {
    const HostNs now = clock->to_ns(HostTsc{tsc});
    EXPECT_GE(now, last);
    last = now;
  }
}

TEST(HostClock, RefusesWhatCannotDateAnything) {
  EXPECT_FALSE(HostClock::through({}));
  EXPECT_FALSE(HostClock::through({{HostTsc{1}, HostNs{1}, 0}}));
  EXPECT_FALSE(HostClock::through({{HostTsc{7}, HostNs{1}, 0}, {HostTsc{7}, HostNs{2}, 0}}));
  EXPECT_FALSE(HostClock::through({{HostTsc{9}, HostNs{1}, 0}, {HostTsc{7}, HostNs{2}, 0}}));
  EXPECT_FALSE(HostClock::through({{HostTsc{1}, HostNs{5}, 0}, {HostTsc{2}, HostNs{4}, 0}}));
}

// A recording may hold any number. (The sanitizer's build is what fails here.)
TEST(HostClock, GivesSomeTimeToWhatIsCenturiesAway) {
  const auto clock = HostClock::through({{HostTsc{0}, HostNs{0}, 0}, {HostTsc{10}, HostNs{40}, 0}});
  ASSERT_TRUE(clock);
  EXPECT_GT(clock->to_ns(HostTsc{~std::uint64_t{0} / 2}), HostNs{std::uint64_t{1} << 61});
  EXPECT_NO_FATAL_FAILURE((void)clock->to_ns(HostTsc{std::uint64_t{1} << 63}));
}

TEST(ClockSample, OfThisMachineIsAPairOfTheSameMoment) {
  const ClockSample first = take_clock_sample();
  const ClockSample second = take_clock_sample();
  EXPECT_GT(second.tsc, first.tsc);
  EXPECT_GE(second.ns, first.ns);
  EXPECT_GT(first.half_width_tsc, 0u);
}

}  // namespace
}  // namespace trapline::tracer
