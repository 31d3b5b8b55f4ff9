#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tracer/recorder/kernel_support.h"

namespace trapline::tracer {
namespace {

// Everything that a kernel can offer, but for the vendor's.
KernelSupport everything(Isa isa) {
  KernelSupport kernel;
  kernel.isa = isa;
  kernel.kernel_btf = kernel.kvm_btf = true;
  kernel.cap_bpf = kernel.cap_perfmon = kernel.cap_sys_admin = true;
  kernel.classic_exit = kernel.vcpu_vmx_fields = isa == Isa::vmx;
  for (const ProbeMode mode : {ProbeMode::svm, ProbeMode::vmx_complete, ProbeMode::vmx_light}) {
    for (const auto& tracepoint : probed_tracepoints(mode))
      kernel.tracepoints.emplace_back(tracepoint.name);
  }
  return kernel;
}

TEST(ProbeMode, OnVmxIsCompleteWhereTheClassicTracepointCanBeRead) {
  EXPECT_EQ(everything(Isa::svm).best_mode(), ProbeMode::svm);
  auto vmx = everything(Isa::vmx);
  EXPECT_EQ(vmx.best_mode(), ProbeMode::vmx_complete);
  EXPECT_TRUE(check_recording_possible(vmx));
  vmx.classic_exit = false;
  EXPECT_EQ(vmx.best_mode(), ProbeMode::vmx_light);
  EXPECT_TRUE(check_recording_possible(vmx));
}

TEST(ProbeMode, AKernelThatTellsNothingOfItsExitsIsRefusedWithTheRemedy) {
  auto vmx = everything(Isa::vmx);
  vmx.classic_exit = vmx.vcpu_vmx_fields = false;
  const auto possible = check_recording_possible(vmx);
  ASSERT_FALSE(possible);
  EXPECT_EQ(possible.error().status, ExitStatus::machine_lacks);
  EXPECT_NE(possible.error().what.find("vcpu_vmx"), std::string::npos);
  EXPECT_NE(possible.error().remedy.find("tracefs"), std::string::npos);
}

TEST(ProbeMode, EachHasItsOwnProgramsForExitAndEntry) {
  const auto program = [](ProbeMode mode, std::string_view name) {
    const auto probed = probed_tracepoints(mode);
    const auto found = std::ranges::find(probed, name, &ProbedTracepoint::name);
    return found == probed.end() ? std::string() : std::string(found->program);
  };
  EXPECT_EQ(program(ProbeMode::svm, "kvm_exit"), "on_svm_exit");
  EXPECT_EQ(program(ProbeMode::vmx_complete, "kvm_exit"), "on_vmx_exit_complete");
  EXPECT_EQ(program(ProbeMode::vmx_light, "kvm_exit"), "on_vmx_exit_light");
  EXPECT_EQ(program(ProbeMode::svm, "kvm_entry"), "on_svm_entry");
  EXPECT_EQ(program(ProbeMode::vmx_light, "kvm_entry"), "on_vmx_entry");
  EXPECT_EQ(program(ProbeMode::svm, "kvm_mmio"), "") << "the VMCB has the address";
  EXPECT_EQ(program(ProbeMode::vmx_complete, "kvm_mmio"), "on_vmx_mmio");
}

}  // namespace
}  // namespace trapline::tracer
