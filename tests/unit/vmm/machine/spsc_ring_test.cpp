#include "vmm/machine/spsc_ring.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>

namespace trapline::vmm {
namespace {

TEST(SpscRing, GivesBackInOrder) {
  SpscRing<int> ring(4);
  for (int i = 0; i < 3; ++i)
    ring.push(i);
  std::array<int, 2> target{};
  auto got = ring.pop(target);
  ASSERT_EQ(got.size(), 2U);
  EXPECT_EQ(got[0], 0);
  EXPECT_EQ(got[1], 1);
  ring.push(3);
  ring.push(4);  // around the end
  std::array<int, 8> rest{};
  got = ring.pop(rest);
  ASSERT_EQ(got.size(), 3U);
  EXPECT_EQ(got[0], 2);
  EXPECT_EQ(got[2], 4);
  EXPECT_TRUE(ring.pop(rest).empty());
}

TEST(SpscRing, CountsWhatFindsNoRoom) {
  SpscRing<int> ring(4);
  for (int i = 0; i < 7; ++i)
    ring.push(i);
  EXPECT_EQ(ring.take_lost(), 3U);
  EXPECT_EQ(ring.take_lost(), 0U);
  std::array<int, 8> target{};
  const auto got = ring.pop(target);
  ASSERT_EQ(got.size(), 4U);
  EXPECT_EQ(got.back(), 3);  // the oldest are kept
}

TEST(SpscRing, CarriesEverythingBetweenTwoThreads) {
  constexpr std::uint64_t kElements = 200000;
  SpscRing<std::uint64_t> ring(1024);
  std::jthread producer([&] {
    for (std::uint64_t i = 1; i <= kElements; ++i)
      ring.push(i);
  });
  std::array<std::uint64_t, 256> target{};
  std::uint64_t seen = 0;
  std::uint64_t lost = 0;
  std::uint64_t last = 0;
  while (seen + lost < kElements) {
    for (const std::uint64_t element : ring.pop(target)) {
      EXPECT_GT(element, last);
      last = element;
      ++seen;
    }
    lost += ring.take_lost();
  }
  EXPECT_EQ(seen + lost, kElements);
}

}  // namespace
}  // namespace trapline::vmm
