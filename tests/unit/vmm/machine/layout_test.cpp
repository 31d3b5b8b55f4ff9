#include "vmm/machine/layout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

namespace trapline::vmm {
namespace {

TEST(Layout, PartsDoNotOverlap) {
  struct Part {
    std::uint64_t begin;
    std::uint64_t end;
  };
  constexpr std::uint64_t kPage = GUEST_PAGE_BYTES;
  Part parts[] = {
      {0, kPage},  // never mapped
      {GUEST_GDT, GUEST_GDT + kPage},
      {GUEST_IDT, GUEST_IDT + kPage},
      {GUEST_PARAMS, GUEST_PARAMS + sizeof(guest_params)},
      {GUEST_PANIC, GUEST_PANIC + sizeof(guest_panic)},
      {GUEST_TSS(0), GUEST_TSS(GUEST_MAX_VCPUS)},
      {GUEST_COUNTS(0), GUEST_COUNTS(GUEST_MAX_VCPUS)},
      {GUEST_SHARED(0), GUEST_SHARED(GUEST_MAX_VCPUS)},
      {GUEST_PAGE_TABLES, GUEST_PAGE_TABLES_END},
      {GUEST_KERNEL_STACK_TOP(0) - GUEST_KERNEL_STACK_BYTES, GUEST_KERNEL_STACK_TOP(GUEST_MAX_VCPUS - 1)},
      {GUEST_USER_STACK_TOP(0) - GUEST_USER_STACK_BYTES, GUEST_USER_STACK_TOP(GUEST_MAX_VCPUS - 1)},
      {GUEST_DEMAND_PAGE(0), GUEST_DEMAND_PAGE(GUEST_MAX_VCPUS)},
      {GUEST_KERNEL_IMAGE, GUEST_KERNEL_IMAGE_END},
      {GUEST_USER_IMAGE, GUEST_USER_IMAGE_END},
      {GUEST_RING(0), GUEST_RING(GUEST_MAX_VCPUS)},
      {GUEST_IOAPIC, GUEST_IOAPIC + GUEST_IOAPIC_BYTES},
      {kTssAddress, kTssAddress + 3 * kPage},
  };
  std::sort(std::begin(parts), std::end(parts),
            [](const Part& a, const Part& b) { return a.begin < b.begin; });
  for (std::size_t i = 0; i + 1 < std::size(parts); ++i) {
    EXPECT_LT(parts[i].begin, parts[i].end);
    EXPECT_LE(parts[i].end, parts[i + 1].begin) << std::hex << parts[i].begin;
  }
}

TEST(Layout, TablesHoldWhatTheSelectorsAndVectorsNeed) {
  EXPECT_GE(GUEST_GDT_BYTES, GUEST_TSS_SELECTOR + 16);
  EXPECT_EQ(GUEST_IDT_BYTES, 256 * 16);
  EXPECT_EQ(guest_memory_bytes(1), 4U << 20);
}

}  // namespace
}  // namespace trapline::vmm
