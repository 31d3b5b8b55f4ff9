// A little guest memory with page tables, for tests of what reads and writes through them.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "vmm/x86/guest_access.h"
#include "vmm/x86/paging.h"

namespace trapline::vmm::x86 {

// Two writable pages at kFirstPage that do not lie side by side in memory, one read-only page at kReadOnly.
class GuestSpaceTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kFirstPage = 0x50000;
  static constexpr std::uint64_t kSecondPage = 0x51000;
  static constexpr std::uint64_t kEnd = 0x52000;
  static constexpr std::uint64_t kReadOnly = 0x60000;

  void SetUp() override {
    auto tables = PageTableBuilder::create(memory_, 0x1000, 0x8000);
    ASSERT_TRUE(tables);
    ASSERT_TRUE(tables->map(kFirstPage, 0x9000, {.writable = true}));
    ASSERT_TRUE(tables->map(kSecondPage, 0xb000, {.writable = true}));
    ASSERT_TRUE(tables->map(kReadOnly, 0xc000, {}));
    space_ = {memory_, tables->root()};
  }

  std::vector<std::byte> memory_ = std::vector<std::byte>(16 * kPageBytes);
  AddressSpace space_;
};

}  // namespace trapline::vmm::x86
