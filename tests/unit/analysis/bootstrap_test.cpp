#include "analysis/bootstrap.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace trapline::analysis {
namespace {

TEST(Bootstrap, BlocksAreTheCubeRootOfTheSlices) {
  EXPECT_EQ(block_length(1), 1u);
  EXPECT_EQ(block_length(8), 2u);
  EXPECT_EQ(block_length(64), 4u);
  EXPECT_EQ(block_length(128), 6u);
}

TEST(Bootstrap, EveryResampleIsAsLongAsTheRecording) {
  for (const std::size_t slices : {1u, 5u, 128u}) {
    const Resamples resamples(slices, 1);
    for (std::size_t i = 0; i < kResamples; ++i) {
      const auto weights = resamples[i];
      EXPECT_EQ(std::accumulate(weights.begin(), weights.end(), std::size_t{0}), slices);
    }
  }
}

TEST(Bootstrap, EverySliceIsDrawnAsOftenAsAnother) {
  const Resamples resamples(128, 1);
  std::vector<std::uint64_t> drawn(128);
  for (std::size_t i = 0; i < kResamples; ++i) {
    for (std::size_t slice = 0; slice < drawn.size(); ++slice)
      drawn[slice] += resamples[i][slice];
  }
  for (const std::uint64_t times : drawn)  // the edges, too: blocks go round
    EXPECT_NEAR(static_cast<double>(times), kResamples, kResamples * 0.25);
}

TEST(Bootstrap, SlicesAreDrawnTogetherWithTheirNeighbours) {
  const Resamples resamples(128, 1);
  std::uint64_t together = 0;
  std::uint64_t alone = 0;
  for (std::size_t i = 0; i < kResamples; ++i) {
    for (std::size_t slice = 0; slice + 1 < 128; ++slice) {
      if (resamples[i][slice] == 0) continue;
      ++(resamples[i][slice + 1] != 0 ? together : alone);
    }
  }
  EXPECT_GT(together, 4 * alone);
}

TEST(Bootstrap, TheSameSeedDrawsTheSame) {
  const Resamples one(100, 7);
  const Resamples same(100, 7);
  const Resamples other(100, 8);
  EXPECT_TRUE(std::equal(one[3].begin(), one[3].end(), same[3].begin()));
  EXPECT_FALSE(std::equal(one[3].begin(), one[3].end(), other[3].begin()));
}

TEST(Bootstrap, TheIntervalLeavesOffTheOutermostTwoAndAHalfPercentOfEachSide) {
  const Resampled a{0, std::vector<double>(1000, 10), 1e9};
  Resampled b{500, std::vector<double>(1000), 1e9};
  std::iota(b.resamples.begin(), b.resamples.end(), 10.0);  // differences 0 to 999
  const Interval interval = difference_interval(a, b);
  EXPECT_NEAR(interval.low, 25, 1e-3);
  EXPECT_NEAR(interval.high, 974, 1e-3);
}

TEST(Bootstrap, TheIntervalOfFewBlocksIsWiderByStudentsT) {
  EXPECT_NEAR(stretch_for(11), 2.228139 / 1.959964 * std::sqrt(1.1), 2e-3);
  EXPECT_NEAR(stretch_for(31), 2.042272 / 1.959964 * std::sqrt(31 / 30.0), 1e-4);
  const Resampled a{0, std::vector<double>(100, 0), 11};
  Resampled b{50, std::vector<double>(100), 1e9};
  std::iota(b.resamples.begin(), b.resamples.end(), 0.0);
  const Interval interval = difference_interval(a, b);
  EXPECT_NEAR(interval.low, 50 - stretch_for(11) * 48, 1e-9) << "by the side that has fewer";
  EXPECT_NEAR(interval.high, 50 + stretch_for(11) * 47, 1e-9);
}

}  // namespace
}  // namespace trapline::analysis
