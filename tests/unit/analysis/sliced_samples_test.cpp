#include "analysis/sliced_samples.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/log_linear.h"

namespace trapline::analysis {
namespace {

constexpr std::array kPercents = {1.0, 50.0, 90.0, 99.0, 100.0};

struct Sample {
  HostNs at;
  std::uint64_t value;
};

std::vector<Sample> samples(std::size_t count) {
  std::mt19937_64 random(3);
  std::lognormal_distribution<double> durations(8, 1);
  std::vector<Sample> made;
  for (std::size_t i = 0; i < count; ++i)
    made.push_back(
        {HostNs{5'000'000 + i * 1000 + random() % 500}, static_cast<std::uint64_t>(durations(random))});
  return made;
}

SlicedSamples sliced(const std::vector<Sample>& of) {
  SlicedSamples made;
  for (const Sample& sample : of)
    made.add(sample.at, sample.value);
  return made;
}

TEST(SlicedSamples, PercentilesAreThoseOfTheReport) {
  for (const std::size_t count : {std::size_t{1}, std::size_t{777}, Distribution::kExactLimit,
                                  Distribution::kExactLimit + 1, 3 * Distribution::kExactLimit}) {
    const auto all = samples(count);
    Distribution expected;
    for (const Sample& sample : all)
      expected.add(sample.value);
    const SortedSamples sorted = sliced(all).sorted();
    EXPECT_EQ(sorted.exact(), expected.exact()) << count;
    for (const double percent : kPercents)
      EXPECT_EQ(sorted.percentile(percent), expected.percentile(percent)) << count << ' ' << percent;
  }
}

TEST(SlicedSamples, WeightsRepeatAndLeaveOutSlices) {
  const auto all = samples(5000);
  const SortedSamples sorted = sliced(all).sorted();
  ASSERT_EQ(sorted.slices(), kSlices);
  std::mt19937_64 random(4);
  std::vector<std::uint16_t> weights(kSlices);
  for (auto& weight : weights)
    weight = static_cast<std::uint16_t>(random() % 4);
  const std::uint64_t width = (all.back().at.value - all.front().at.value) / kSlices + 1;
  Distribution expected;
  for (const Sample& sample : all) {
    for (unsigned i = 0; i < weights[(sample.at.value - all.front().at.value) / width]; ++i)
      expected.add(sample.value);
  }
  for (const double percent : kPercents)
    EXPECT_EQ(sorted.percentile(percent, weights), expected.percentile(percent)) << percent;
  EXPECT_EQ(sorted.percentile(50, std::vector<std::uint16_t>(kSlices)), 0u) << "nothing was drawn";
}

TEST(SlicedSamples, SlicesGrowWithTheTimeThatTheyMustCover) {
  const auto all = samples(5 * Distribution::kExactLimit);
  const SortedSamples sorted = sliced(all).sorted();
  EXPECT_FALSE(sorted.exact());
  EXPECT_GT(sorted.slices(), kSlices / 2);
  EXPECT_LE(sorted.slices(), kSlices);
  // The last quarter of the slices has a quarter of the samples: no time was lost on the way.
  std::vector<std::uint16_t> last_quarter(sorted.slices());
  std::fill(last_quarter.begin() + static_cast<std::ptrdiff_t>(sorted.slices() * 3 / 4), last_quarter.end(),
            1);
  EXPECT_GT(sorted.percentile(50, last_quarter), 0u);
}

TEST(SlicedSamples, InBucketsValuesAreTopsOfBuckets) {
  const SortedSamples exact = sliced(samples(2000)).sorted();
  const SortedSamples coarse = exact.in_buckets();
  EXPECT_FALSE(coarse.exact());
  const std::uint64_t median = exact.percentile(50);
  EXPECT_EQ(coarse.percentile(50), log_linear::bucket_top(log_linear::bucket_of(median)));
  EXPECT_EQ(coarse.percentile(100), exact.percentile(100)) << "the maximum is known";
}

TEST(SlicedSamples, OfNothingIsZero) {
  EXPECT_EQ(SlicedSamples().sorted().percentile(50), 0u);
}

}  // namespace
}  // namespace trapline::analysis
