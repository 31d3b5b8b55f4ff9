#include "vmm/x86/guest_access.h"

#include <cstring>

#include "tests/unit/vmm/x86/guest_space.h"
#include "vmm/x86/frames.h"

namespace trapline::vmm::x86 {
namespace {

using GuestAccess = GuestSpaceTest;

TEST_F(GuestAccess, CrossesPagesThatAreApart) {
  TrapFrame frame{};
  frame.vector = 13;
  frame.rip = 0x401000;
  frame.r15 = 15;
  constexpr std::size_t kFirstPart = 100;
  ASSERT_TRUE(write_object(space_, kSecondPage - kFirstPart, frame));
  EXPECT_EQ(std::memcmp(memory_.data() + 0xa000 - kFirstPart, &frame, kFirstPart), 0);
  EXPECT_EQ(std::memcmp(memory_.data() + 0xb000, reinterpret_cast<const std::byte*>(&frame) + kFirstPart,
                        sizeof frame - kFirstPart),
            0);
  const auto read = read_object<TrapFrame>(space_, kSecondPage - kFirstPart);
  ASSERT_TRUE(read);
  EXPECT_EQ(std::memcmp(&*read, &frame, sizeof frame), 0);
}

TEST_F(GuestAccess, WritesAllOrNothing) {
  const auto before = memory_;
  const std::uint64_t pair[2] = {~std::uint64_t{0}, ~std::uint64_t{0}};
  EXPECT_FALSE(write_object(space_, kEnd - 8, pair));  // the second half is not mapped
  EXPECT_FALSE(write_object(space_, kReadOnly, pair));
  EXPECT_EQ(memory_, before);
  EXPECT_TRUE(read_object<std::uint64_t>(space_, kReadOnly));
}

TEST_F(GuestAccess, IsNothingWhereNothingIsMapped) {
  EXPECT_FALSE(read_object<TrapFrame>(space_, kEnd - 8));
  EXPECT_FALSE(read_object<TrapFrame>(space_, 0));
  EXPECT_FALSE(read_object<TrapFrame>(space_, ~std::uint64_t{0} - 16));  // wraps
  const AddressSpace nowhere{memory_, 0xffff'f000};
  EXPECT_FALSE(read_object<TrapFrame>(nowhere, kFirstPage));
}

}  // namespace
}  // namespace trapline::vmm::x86
