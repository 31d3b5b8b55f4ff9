#include "vmm/x86/paging.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

namespace trapline::vmm::x86 {
namespace {

class Paging : public ::testing::Test {
 protected:
  void put(std::uint64_t gpa, std::uint64_t value) {
    std::memcpy(memory_.data() + gpa, &value, sizeof value);
  }

  std::vector<std::byte> memory_ = std::vector<std::byte>(64 * kPageBytes);
};

TEST_F(Paging, WalksToWhatWasMapped) {
  auto tables = PageTableBuilder::create(memory_, 0x1000, 0x10000);
  ASSERT_TRUE(tables);
  EXPECT_EQ(tables->root(), 0x1000U);
  ASSERT_TRUE(tables->map(0x7fff'0000'3000, 0x20000, {.writable = true, .user = true}));
  const auto found = walk(memory_, tables->root(), 0x7fff'0000'3abc);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->gpa, 0x20abcU);
  EXPECT_EQ(found->page_bytes, kPageBytes);
  EXPECT_TRUE(found->access.writable);
  EXPECT_TRUE(found->access.user);
  EXPECT_FALSE(found->access.executable);
  EXPECT_FALSE(walk(memory_, tables->root(), 0x7fff'0000'4000));
  EXPECT_FALSE(walk(memory_, tables->root(), 0));
}

TEST_F(Paging, TheLeafDecidesEachRight) {
  auto tables = PageTableBuilder::create(memory_, 0x1000, 0x10000);
  ASSERT_TRUE(tables);
  ASSERT_TRUE(tables->map(0x1000, 0x1000, {.executable = true}));
  ASSERT_TRUE(tables->map(0x2000, 0x2000, {.user = true}));
  const auto code = walk(memory_, tables->root(), 0x1000);
  const auto user = walk(memory_, tables->root(), 0x2000);
  ASSERT_TRUE(code && user);
  EXPECT_TRUE(code->access.executable && !code->access.user && !code->access.writable);
  EXPECT_TRUE(user->access.user && !user->access.executable && !user->access.writable);
}

TEST_F(Paging, AnUpperLevelCanTakeRightsAway) {
  auto tables = PageTableBuilder::create(memory_, 0x1000, 0x10000);
  ASSERT_TRUE(tables);
  ASSERT_TRUE(tables->map(0x1000, 0x1000, {.writable = true, .user = true, .executable = true}));
  put(0x1000, (std::uint64_t{1} << 63) | 0x2001);  // PML4: not executable, supervisor, read-only
  const auto found = walk(memory_, tables->root(), 0x1000);
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->access.writable || found->access.user || found->access.executable);
}

TEST_F(Paging, EntryBitsAreHardwares) {
  auto tables = PageTableBuilder::create(memory_, 0x1000, 0x10000);
  ASSERT_TRUE(tables);
  ASSERT_TRUE(tables->map(0x5000, 0x6000, {.writable = true, .user = true}));
  const auto leaf = tables->leaf_entry(0x5000);
  ASSERT_TRUE(leaf);
  std::uint64_t entry = 0;
  std::memcpy(&entry, memory_.data() + *leaf, sizeof entry);
  EXPECT_EQ(entry, 0x8000000000006067U);  // NX, dirty, accessed, user, writable, present
  ASSERT_TRUE(tables->map_device(0xfec00000, 0xfec00000));
  const auto device = walk(memory_, tables->root(), 0xfec00000);
  ASSERT_TRUE(device);
  EXPECT_EQ(device->gpa, 0xfec00000U);
  EXPECT_FALSE(device->access.user);
}

TEST_F(Paging, MappingAgainReplaces) {
  auto tables = PageTableBuilder::create(memory_, 0x1000, 0x10000);
  ASSERT_TRUE(tables);
  ASSERT_TRUE(tables->map(0x5000, 0x6000, {}));
  ASSERT_TRUE(tables->map(0x5000, 0x7000, {}));
  EXPECT_EQ(walk(memory_, tables->root(), 0x5000)->gpa, 0x7000U);
}

TEST_F(Paging, BuilderFailsWhereTablesRunOut) {
  auto tables = PageTableBuilder::create(memory_, 0x1000, 0x5000);  // root and one of each level
  ASSERT_TRUE(tables);
  EXPECT_TRUE(tables->map(0x1000, 0x1000, {}));
  EXPECT_FALSE(tables->map(0x40000000, 0x1000, {}));
  EXPECT_FALSE(tables->map(0x8000'0000'0000, 0x1000, {}));  // not canonical
  EXPECT_FALSE(PageTableBuilder::create(memory_, memory_.size(), memory_.size() + kPageBytes));
}

TEST_F(Paging, WalksLargePages) {
  put(0x1000, 0x2003);
  put(0x2000, 0x3003);
  put(0x2008, 0x40000083);  // 1 GiB
  put(0x3000, 0x00200083);  // 2 MiB
  const auto huge = walk(memory_, 0x1000, 0x123456);
  const auto giant = walk(memory_, 0x1000, 0x40123456);
  ASSERT_TRUE(huge && giant);
  EXPECT_EQ(huge->gpa, 0x323456U);
  EXPECT_EQ(huge->page_bytes, std::uint64_t{2} << 20);
  EXPECT_EQ(giant->gpa, 0x40123456U);
  EXPECT_EQ(giant->page_bytes, std::uint64_t{1} << 30);
}

TEST_F(Paging, HostileTablesLeadNowhere) {
  EXPECT_FALSE(walk(memory_, 0x000f'ffff'ffff'f000, 0x1000));  // root outside of memory
  EXPECT_FALSE(walk({}, 0, 0));
  put(0x1000, 0x000f'ffff'ffff'f003);  // next level outside of memory
  EXPECT_FALSE(walk(memory_, 0x1000, 0));
  put(0x1000, 0x1003);  // points at itself: ends after four levels
  const auto loop = walk(memory_, 0x1000, 0);
  ASSERT_TRUE(loop);
  EXPECT_EQ(loop->gpa, 0x1000U);
  EXPECT_FALSE(walk(memory_, 0x1000, 0x0000'8000'0000'0000));  // not canonical
}

TEST_F(Paging, RandomTablesAreSurvived) {
  std::mt19937_64 random(1);
  for (std::size_t at = 0; at < memory_.size(); at += 8)
    put(at, random() & 0x8000'0000'0003'ffff);
  for (int i = 0; i < 100000; ++i)
    (void)walk(memory_, random(), random());
}

}  // namespace
}  // namespace trapline::vmm::x86
