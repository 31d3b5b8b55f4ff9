#include "base/distribution.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace trapline {
namespace {

std::uint64_t nearest_rank(std::vector<std::uint64_t> samples, double percent) {
  std::sort(samples.begin(), samples.end());
  const auto rank = static_cast<std::size_t>(std::ceil(percent / 100 * static_cast<double>(samples.size())));
  return samples[std::max<std::size_t>(rank, 1) - 1];
}

TEST(Distribution, OfNothingIsZero) {
  const Distribution empty;
  EXPECT_EQ(empty.count(), 0u);
  EXPECT_EQ(empty.min(), 0u);
  EXPECT_EQ(empty.max(), 0u);
  EXPECT_EQ(empty.percentile(50), 0u);
  EXPECT_EQ(empty.mean(), 0);
  EXPECT_EQ(empty.stddev(), 0);
}

TEST(Distribution, NearestRankOfTenSamples) {
  Distribution d;
  for (const std::uint64_t value : {10u, 1u, 9u, 2u, 8u, 3u, 7u, 4u, 6u, 5u})
    d.add(value);
  EXPECT_EQ(d.percentile(50), 5u);
  EXPECT_EQ(d.percentile(90), 9u);
  EXPECT_EQ(d.percentile(91), 10u);
  EXPECT_EQ(d.percentile(100), 10u);
  EXPECT_EQ(d.percentile(1), 1u);
  EXPECT_EQ(d.total(), 55u);
  EXPECT_DOUBLE_EQ(d.mean(), 5.5);
  EXPECT_NEAR(d.stddev(), 3.02765, 1e-5);
  EXPECT_TRUE(d.exact());
}

// tools/perf/util/stat.c (update_stats, stddev_stats, rel_stddev_stats): what `perf kvm stat` prints as mean
// and +-%, computed as it does.
TEST(Distribution, HasTheColumnsOfPerfKvmStat) {
  std::mt19937_64 random(6);
  std::lognormal_distribution<double> shape(9, 2);
  for (const int samples : {0, 1, 2, 3, 100, 5000}) {
    Distribution ours;
    std::uint64_t time = 0;
    std::uint64_t min = ~std::uint64_t{0};
    std::uint64_t max = 0;
    double n = 0;
    double mean = 0;
    double m2 = 0;
    for (int i = 0; i < samples; ++i) {
      const auto value = static_cast<std::uint64_t>(shape(random)) + 1;
      ours.add(value);
      time += value;
      min = std::min(min, value);
      max = std::max(max, value);
      n += 1;
      const double delta = static_cast<double>(value) - mean;
      mean += delta / n;
      m2 += delta * (static_cast<double>(value) - mean);
    }
    const double stddev_of_mean = n < 2 ? 0 : std::sqrt(m2 / (n - 1) / n);
    EXPECT_EQ(ours.total(), time);
    EXPECT_EQ(ours.min(), samples == 0 ? 0 : min);
    EXPECT_EQ(ours.max(), max);
    EXPECT_NEAR(ours.mean(), mean, 1e-6 * mean) << samples;
    EXPECT_NEAR(ours.relative_stddev_percent(), mean == 0 ? 0 : 100 * stddev_of_mean / mean, 1e-6) << samples;
  }
}

TEST(Distribution, SamplesAddedAfterAskingCount) {
  Distribution d;
  d.add(5);
  EXPECT_EQ(d.percentile(50), 5u);
  d.add(1);
  d.add(3);
  EXPECT_EQ(d.percentile(50), 3u);
}

TEST(Distribution, AboveTheLimitPercentilesAreAtMostOnePercentHigh) {
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> shape(9, 2);
  std::vector<std::uint64_t> samples(Distribution::kExactLimit + 50'000);
  Distribution d;
  for (auto& sample : samples) {
    sample = static_cast<std::uint64_t>(shape(random));
    d.add(sample);
  }
  ASSERT_FALSE(d.exact());
  EXPECT_EQ(d.max(), *std::max_element(samples.begin(), samples.end()));
  for (const double percent : {1.0, 25.0, 50.0, 90.0, 99.0, 99.9, 100.0}) {
    const auto exact = static_cast<double>(nearest_rank(samples, percent));
    const auto estimate = static_cast<double>(d.percentile(percent));
    EXPECT_GE(estimate, exact) << percent;
    EXPECT_LE(estimate, exact * 1.01 + 1) << percent;
  }
}

TEST(Distribution, TakesTheLargestValues) {
  Distribution d;
  for (std::size_t i = 0; i <= Distribution::kExactLimit; ++i)
    d.add(~std::uint64_t{0} >> 1);
  EXPECT_EQ(d.percentile(50), ~std::uint64_t{0} >> 1);
}

}  // namespace
}  // namespace trapline
