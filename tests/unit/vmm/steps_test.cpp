#include "vmm/steps.h"

#include <gtest/gtest.h>

#include "vmm/guest/abi.h"

namespace trapline::vmm {
namespace {

constexpr auto kWrmsr = static_cast<std::uint16_t>(PrivilegedInstruction::wrmsr);
constexpr auto kHlt = static_cast<std::uint16_t>(PrivilegedInstruction::hlt);

TEST(Steps, AreDescribedWithTheirDetails) {
  EXPECT_EQ(describe_step(VmmStep::read_trap, 0x80, 0x1000), "read the trap's frame (0x80)");
  EXPECT_EQ(describe_step(VmmStep::copy_context, 0x80, 0x1000),
            "copy the context to the guest kernel's stack");
  EXPECT_EQ(describe_step(VmmStep::emulate, kWrmsr, 0x80b), "emulate wrmsr 0x80b");
  EXPECT_EQ(describe_step(VmmStep::emulate, kHlt, 0), "emulate hlt");
  EXPECT_EQ(describe_step(VmmStep::hypercall, GUEST_HYPERCALL_PORT_WRITE, 0xf5), "hypercall port_write 0xf5");
  EXPECT_EQ(describe_step(VmmStep::hypercall, GUEST_HYPERCALL_NULL, 0), "hypercall null");
}

TEST(Steps, AreSummedUpByKind) {
  EXPECT_EQ(step_kind_name(VmmStep::read_trap, 0x80), "read the trap's frame");
  EXPECT_EQ(step_kind_name(VmmStep::inject, 0x40), "inject the interrupt");
  EXPECT_EQ(step_kind_name(VmmStep::emulate, kWrmsr), "emulate wrmsr");
  EXPECT_EQ(step_kind_name(VmmStep::hypercall, GUEST_HYPERCALL_PORT_READ), "hypercall port_read");
}

// A recording may hold any number.
TEST(Steps, UnknownNumbersStayNumbers) {
  EXPECT_EQ(step_kind_name(VmmStep::emulate, 0xfff), "emulate 0xfff");
  EXPECT_EQ(describe_step(VmmStep::hypercall, 0xfff, 1), "hypercall 0xfff");
  EXPECT_EQ(describe_step(static_cast<VmmStep>(0), 1, 2), "step 0");
  EXPECT_EQ(describe_step(static_cast<VmmStep>(99), 1, 2), "step 99");
}

}  // namespace
}  // namespace trapline::vmm
