#include "vmm/machine/crash_report.h"

#include <gtest/gtest.h>

namespace trapline::vmm {
namespace {

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(CrashReport, TellsAllThatIsKnown) {
  CrashFacts facts;
  facts.vcpu = 2;
  facts.reason = "guest panic: it gave up";
  facts.regs = kvm_regs{};
  facts.regs->rip = 0x100123;
  facts.regs->r15 = 0xabcdef;
  facts.sregs = kvm_sregs{};
  facts.sregs->cr2 = 0xdead000;
  facts.frame = x86::TrapFrame{};
  facts.frame->vector = 14;
  facts.frame->error_code = 6;
  facts.frame->rip = 0x180050;
  facts.last_stamps = {{1000, 5, 41, GUEST_STAMP_U0, 0, GUEST_WORKLOAD_INT80, 0},
                       {1500, 0x180050, 42, GUEST_STAMP_K1, 14, GUEST_WORKLOAD_INT80, 0}};
  facts.symbol_at = [](std::uint64_t address) { return address == 0x100123 ? "isr+0x3" : ""; };

  const std::string text = crash_report(facts);
  EXPECT_TRUE(contains(text, "guest crashed on vCPU 2: guest panic: it gave up\n"));
  EXPECT_TRUE(contains(text, "vector 0xe (#PF)  error code 0x6"));
  EXPECT_TRUE(contains(text, "rip 0x100123 <isr+0x3>"));
  EXPECT_TRUE(contains(text, "rip 0x180050  cs"));
  EXPECT_TRUE(contains(text, "r15 0000000000abcdef"));
  EXPECT_TRUE(contains(text, "cr2 0xdead000"));
  EXPECT_TRUE(contains(text, "last 2 stamps"));
  EXPECT_TRUE(contains(text, "40            +0  U0     int80"));
  EXPECT_TRUE(contains(text, "41          +500  K1     int80         vector 0xe  0x180050"));
}

TEST(CrashReport, SaysWhenKvmHasResetTheVcpu) {
  CrashFacts facts;
  facts.reason = "triple fault";
  facts.regs = kvm_regs{};
  facts.regs->rip = 0xfff0;
  facts.sregs = kvm_sregs{};
  facts.sregs->cs.base = 0xffff0000;
  const std::string text = crash_report(facts);
  EXPECT_TRUE(contains(text, "registers: lost"));
  EXPECT_FALSE(contains(text, "rax"));
  EXPECT_TRUE(contains(text, "no stamps"));
}

TEST(CrashReport, NeedsNothingButAReason) {
  CrashFacts facts;
  facts.reason = "KVM_RUN failed";
  EXPECT_EQ(crash_report(facts), "guest crashed on vCPU 0: KVM_RUN failed\nno stamps\n");
}

TEST(CrashReport, HostileValuesAreOnlyNumbers) {
  CrashFacts facts;
  facts.frame = x86::TrapFrame{};
  facts.frame->vector = ~std::uint64_t{0};
  facts.last_stamps = {{0, ~std::uint64_t{0}, 0, 0xffff, 0xffff, 0xffff, 0xffff}};
  const std::string text = crash_report(facts);
  EXPECT_TRUE(contains(text, "vector 0xffffffffffffffff\n"));
  EXPECT_TRUE(contains(text, "?65535"));
}

TEST(CrashReport, EveryPanicCodeHasWords) {
  EXPECT_TRUE(contains(describe_panic(GUEST_PANIC_EXCEPTION), "exception"));
  EXPECT_TRUE(contains(describe_panic(0xffffffff), "0xffffffff"));
}

}  // namespace
}  // namespace trapline::vmm
