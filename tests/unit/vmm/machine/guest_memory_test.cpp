#include "vmm/machine/guest_memory.h"

#include <gtest/gtest.h>

#include "vmm/machine/layout.h"

namespace trapline::vmm {
namespace {

TEST(GuestMemory, IsAlignedForHugePagesAndZero) {
  const auto memory = GuestMemory::create(2 * kHugePageBytes);
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->bytes().size(), 2 * kHugePageBytes);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory->bytes().data()) % kHugePageBytes, 0U);
  EXPECT_EQ(memory->read<std::uint64_t>(0x12340).value(), 0U);
}

TEST(GuestMemory, ReadsWhatWasWritten) {
  const auto memory = GuestMemory::create(kHugePageBytes);
  ASSERT_TRUE(memory);
  ASSERT_TRUE(memory->write(0x1003, std::uint32_t{0x11223344}));
  EXPECT_EQ(memory->read<std::uint32_t>(0x1003).value(), 0x11223344U);
  EXPECT_EQ(memory->bytes()[0x1003], std::byte{0x44});
}

TEST(GuestMemory, EndsWhereItEnds) {
  const auto memory = GuestMemory::create(kHugePageBytes);
  ASSERT_TRUE(memory);
  EXPECT_TRUE(memory->at(kHugePageBytes - 8, 8));
  EXPECT_FALSE(memory->at(kHugePageBytes - 7, 8));
  EXPECT_TRUE(memory->at(kHugePageBytes, 0));
  EXPECT_FALSE(memory->at(kHugePageBytes + 1, 0));
  EXPECT_FALSE(memory->at(~std::uint64_t{0}, 8));  // the sum wraps
  EXPECT_FALSE(memory->at(8, ~std::size_t{0}));
  EXPECT_FALSE(memory->read<std::uint64_t>(kHugePageBytes - 1));
  EXPECT_FALSE(memory->write(kHugePageBytes, std::uint8_t{1}));
}

}  // namespace
}  // namespace trapline::vmm
