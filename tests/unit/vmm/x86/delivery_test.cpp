#include "vmm/x86/delivery.h"

#include <cstring>

#include "tests/unit/vmm/x86/guest_space.h"
#include "vmm/x86/descriptors.h"

namespace trapline::vmm::x86 {
namespace {

using Delivery = GuestSpaceTest;

constexpr HardwareFrame kUserFrame{.rip = 0x180010, .cs = 0x2b, .rflags = 0x246, .rsp = 0xa7ff0, .ss = 0x23};

TEST_F(Delivery, PushesTheFrameAsHardwareDoes) {
  const auto rsp = push_frame(space_, kSecondPage, kUserFrame, std::nullopt);
  ASSERT_TRUE(rsp);
  EXPECT_EQ(*rsp, kSecondPage - 40);
  const auto words = read_object<std::array<std::uint64_t, 5>>(space_, *rsp).value();
  EXPECT_EQ(words, (std::array<std::uint64_t, 5>{0x180010, 0x2b, 0x246, 0xa7ff0, 0x23}));
}

TEST_F(Delivery, TheErrorCodeLiesBelowTheFrame) {
  const auto rsp = push_frame(space_, kSecondPage, kUserFrame, 0x6);
  ASSERT_TRUE(rsp);
  EXPECT_EQ(*rsp, kSecondPage - 48);
  EXPECT_EQ(read_object<std::uint64_t>(space_, *rsp), 0x6U);
  EXPECT_EQ(read_object<std::uint64_t>(space_, *rsp + 8), kUserFrame.rip);
}

// Long mode aligns the stack to 16 before it pushes (AMD APM vol. 2, 8.9.3).
TEST_F(Delivery, AlignsTheStackFirst) {
  for (const std::uint64_t rsp : {kSecondPage - 1, kSecondPage - 8, kSecondPage - 15}) {
    EXPECT_EQ(push_frame(space_, rsp, kUserFrame, std::nullopt).value(), kSecondPage - 16 - 40) << rsp;
  }
}

TEST_F(Delivery, AFrameMayCrossAPage) {
  const auto rsp = push_frame(space_, kSecondPage + 16, kUserFrame, 0x18);
  ASSERT_TRUE(rsp);
  EXPECT_LT(*rsp, kSecondPage);
  const auto popped = pop_frame(space_, *rsp + 8);  // the handler has dropped the error code
  ASSERT_TRUE(popped);
  EXPECT_EQ(std::memcmp(&*popped, &kUserFrame, sizeof kUserFrame), 0);
}

// An interrupt comes while a handler runs: its frame goes below the handler's, and each iret returns to what
// it interrupted.
TEST_F(Delivery, NestedFramesUnwindInOrder) {
  const std::uint64_t outer = push_frame(space_, kSecondPage, kUserFrame, 0x4).value();
  const HardwareFrame in_handler{0x100200, 0x08, 0x202, outer - 32, 0x10};
  const std::uint64_t inner = push_frame(space_, in_handler.rsp, in_handler, std::nullopt).value();
  EXPECT_LT(inner, outer - 32);
  const auto back_in_handler = pop_frame(space_, inner).value();
  EXPECT_EQ(back_in_handler.rip, 0x100200U);
  EXPECT_EQ(back_in_handler.rsp, outer - 32);
  EXPECT_EQ(pop_frame(space_, outer + 8).value().rip, kUserFrame.rip);
}

TEST_F(Delivery, AStackThatCannotBeWrittenIsToldAndLeftAlone) {
  const auto before = memory_;
  for (const std::uint64_t rsp : {std::uint64_t{0}, kFirstPage + 16, kReadOnly + 0x100,
                                  std::uint64_t{0x7f0000000000}, std::uint64_t{0x8000'0000'0000'0000}}) {
    const auto pushed = push_frame(space_, rsp, kUserFrame, 0);
    ASSERT_FALSE(pushed) << rsp;
    EXPECT_NE(pushed.error().what.find("cannot be written"), std::string::npos);
  }
  EXPECT_EQ(memory_, before);
}

TEST_F(Delivery, AnIretMustLeadSomewhere) {
  HardwareFrame frame = kUserFrame;
  frame.rip = 0x8000'0000'0000'0000;
  ASSERT_TRUE(write_object(space_, kFirstPage, frame));
  EXPECT_NE(pop_frame(space_, kFirstPage).error().what.find("not canonical"), std::string::npos);
  EXPECT_NE(pop_frame(space_, kEnd - 16).error().what.find("cannot be read"), std::string::npos);
}

class Gates : public GuestSpaceTest {
 protected:
  void put(unsigned vector, const Gate& gate) {
    ASSERT_TRUE(write_object(space_, kFirstPage + vector * sizeof gate, gate));
  }
  [[nodiscard]] std::string error_of(unsigned vector) const {
    const auto gate = read_gate(space_, idt_, vector);
    return gate ? "" : gate.error().what;
  }
  DescriptorTable idt_{kFirstPage, 0xfff};
};

TEST_F(Gates, LeadWhereTheySay) {
  put(14, interrupt_gate(0xffff'8000'0012'3456, 8, 0));
  put(0x80, trap_gate(0x123456, 8, 3));
  const auto page_fault = read_gate(space_, idt_, 14).value();
  EXPECT_EQ(page_fault.handler, 0xffff'8000'0012'3456U);
  EXPECT_TRUE(page_fault.clears_interrupt_flag);
  const auto call = read_gate(space_, idt_, 0x80).value();
  EXPECT_EQ(call.handler, 0x123456U);
  EXPECT_FALSE(call.clears_interrupt_flag);
}

TEST_F(Gates, WhatIsWrongWithThemIsTold) {
  EXPECT_NE(error_of(3).find("not present"), std::string::npos);
  Gate call_gate = interrupt_gate(0x1000, 8, 0);
  call_gate.low ^= std::uint64_t{0x2} << 40;  // 0xe becomes 0xc
  put(4, call_gate);
  EXPECT_NE(error_of(4).find("type 0xc"), std::string::npos);
  put(5, interrupt_gate(0x8000'0000'0000'0000, 8, 0));
  EXPECT_NE(error_of(5).find("not canonical"), std::string::npos);
  idt_.limit = 0x80 * 16 + 14;  // one byte short
  EXPECT_NE(error_of(0x80).find("beyond the IDT's limit"), std::string::npos);
  idt_ = {0x900000, 0xfff};
  EXPECT_NE(error_of(0).find("not mapped"), std::string::npos);
}

TEST(DeliveryFlags, OfAHandler) {
  constexpr std::uint64_t kAll = 0x3f7fd7;
  EXPECT_EQ(handler_flags(kAll, false) & (kRflagsTrap | kRflagsInterrupt | kRflagsNestedTask | kRflagsResume),
            0U);
  EXPECT_EQ(handler_flags(0, true), kRflagsFixed | kRflagsInterrupt);
  EXPECT_NE(handler_flags(kAll, false) & 1, 0U);  // carry is the interrupted code's
}

TEST(DeliveryFlags, ThatADeprivilegedGuestMayHave) {
  const std::uint64_t given = deprivileged_flags(0x3f7fd7, true);
  EXPECT_EQ(given & (kRflagsIopl | kRflagsNestedTask | kRflagsVirtual8086 | kRflagsResume), 0U);
  EXPECT_EQ(deprivileged_flags(kRflagsInterrupt, false) & kRflagsInterrupt, 0U);
}

TEST(Canonical, IsSignExtendedFromBit47) {
  EXPECT_TRUE(is_canonical(0x7fff'ffff'ffff));
  EXPECT_TRUE(is_canonical(0xffff'8000'0000'0000));
  EXPECT_FALSE(is_canonical(0x8000'0000'0000));
  EXPECT_FALSE(is_canonical(0xffff'7fff'ffff'ffff));
}

}  // namespace
}  // namespace trapline::vmm::x86
