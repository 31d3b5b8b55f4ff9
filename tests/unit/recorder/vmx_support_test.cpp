// What light probes need of a kernel, over BTF of each shape that struct vcpu_vmx had.
#include "tracer/recorder/vmx_support.h"

#include <gtest/gtest.h>

#include "tests/unit/recorder/made_btf.h"

namespace trapline::tracer {
namespace {

using test::made_btf;
using test::VmxShape;

class LightProbes : public testing::TestWithParam<VmxShape> {};

TEST_P(LightProbes, LackNothing) {
  EXPECT_EQ(light_lacks(made_btf({.shape = GetParam()})), "");
}

TEST_P(LightProbes, NameTheMemberThatAKernelLacks) {
  for (const char* member : {"exit_reason", "exit_qualification", "exit_intr_info", "idt_vectoring_info"}) {
    EXPECT_EQ(light_lacks(made_btf({.shape = GetParam(), .left_out = member})),
              std::string("struct vcpu_vmx has no member ") + member);
  }
  EXPECT_EQ(light_lacks(made_btf({.shape = GetParam(), .left_out = "regs_avail"})),
            "struct kvm_vcpu_arch has no member regs_avail");
}

// The probes test fixed bits of regs_avail: where they mean something else, light figures would be wrong.
TEST_P(LightProbes, AreRefusedWhereTheBitsMoved) {
  EXPECT_EQ(light_lacks(made_btf({.shape = GetParam(), .exit_info_1_bit = 25})),
            "enum kvm_reg has no VCPU_EXREG_EXIT_INFO_1 = 23");
}

TEST_P(LightProbes, AreRefusedWhereKvmExitHasOtherArguments) {
  EXPECT_EQ(light_lacks(made_btf({.shape = GetParam(), .exit_takes = "kvm_run"})),
            "the tracepoint kvm_exit has other arguments");
}

INSTANTIATE_TEST_SUITE_P(Shapes, LightProbes,
                         testing::Values(VmxShape::flat, VmxShape::nested, VmxShape::nested_bitmap));

TEST(LightProbes, LackAllWhereThereIsNoBtf) {
  EXPECT_NE(light_lacks(KernelBtf{}), "");
}

TEST(ClassicExitRecord, IsCheckedFirst) {
  EXPECT_EQ(find_classic_exit(made_btf({}), false), ClassicExit::other_record)
      << "made_btf() has no such record";
}

}  // namespace
}  // namespace trapline::tracer
