#include "vmm/x86/descriptors.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace trapline::vmm::x86 {
namespace {

// The values that Linux has in its GDT (arch/x86/kernel/cpu/common.c), accessed bit set.
TEST(Descriptors, FlatSegmentsAreTheWellKnownOnes) {
  EXPECT_EQ(code_segment(0), 0x00af9b000000ffffU);
  EXPECT_EQ(data_segment(0), 0x00cf93000000ffffU);
  EXPECT_EQ(code_segment(3), 0x00affb000000ffffU);
  EXPECT_EQ(data_segment(3), 0x00cff3000000ffffU);
  EXPECT_EQ(code_segment(1), 0x00afbb000000ffffU);
}

TEST(Descriptors, TssDescriptorSpreadsItsBase) {
  const auto descriptor = tss_descriptor(0x1122334455667788, 0x67);
  EXPECT_EQ(descriptor[0], 0x5500896677880067U);
  EXPECT_EQ(descriptor[1], 0x11223344U);
}

TEST(Descriptors, InterruptGateBytes) {
  const Gate gate = interrupt_gate(0xffffffff81234567, 0x08, 3, 2);
  const unsigned char expected[16] = {0x67, 0x45, 0x08, 0x00, 0x02, 0xee, 0x23, 0x81,
                                      0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00};
  EXPECT_EQ(std::memcmp(&gate, expected, sizeof gate), 0);
  EXPECT_EQ(interrupt_gate(0, 8, 0).low, 0x00008e0000080000U);
}

TEST(Descriptors, ArePutAtSelectorAndVector) {
  std::vector<std::byte> gdt(24);
  EXPECT_TRUE(put_descriptor(gdt, 0x13, 0x1234));  // RPL and TI are no part of the place
  EXPECT_EQ(gdt[16], std::byte{0x34});
  EXPECT_FALSE(put_descriptor(gdt, 0x18, 1));
  EXPECT_FALSE(put_descriptor(gdt, 0xfff8, 1));

  std::vector<std::byte> idt(32);
  EXPECT_TRUE(put_gate(idt, 1, {0xff, 0}));
  EXPECT_EQ(idt[16], std::byte{0xff});
  EXPECT_FALSE(put_gate(idt, 2, {}));
}

TEST(TaskStateSegment, HasHardwaresLayout) {
  TaskStateSegment tss;
  tss.rsp[0] = 0x1122334455667788;
  tss.ist[6] = 0x99;
  std::byte bytes[sizeof tss];
  std::memcpy(bytes, &tss, sizeof tss);
  EXPECT_EQ(bytes[4], std::byte{0x88});
  EXPECT_EQ(bytes[0x54], std::byte{0x99});  // IST7
  EXPECT_EQ(bytes[102], std::byte{104});    // no I/O map within the limit
}

}  // namespace
}  // namespace trapline::vmm::x86
