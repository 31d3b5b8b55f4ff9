// Our tables against the lists of the kernel's headers, which perf prints from.
#include <asm/kvm.h>
#include <asm/svm.h>
#include <asm/vmx.h>
#include <gtest/gtest.h>
#include <linux/kvm.h>
#include <linux/kvm_para.h>

#include <cstdint>
#include <string_view>

#include "tracer/exits/names.h"
#include "tracer/exits/svm.h"
#include "tracer/exits/user_exits.h"
#include "tracer/exits/vmx.h"

namespace trapline::tracer {
namespace {

// Codes are int, unsigned or, from Linux 7 on, unsigned long long; SVM_EXIT_ERR is -1 in the one or the
// other.
struct KernelRow {
  template <typename Code>
  constexpr KernelRow(Code any_code, std::string_view its_name)
      : code(static_cast<std::uint32_t>(any_code)), name(its_name) {}
  std::uint32_t code;
  std::string_view name;
};

TEST(KernelTables, EverySvmExitReason) {
  constexpr KernelRow kRows[] = {SVM_EXIT_REASONS};
  for (const KernelRow& row : kRows) {
    const SvmExitRow* ours = find_svm_exit(row.code);
    ASSERT_NE(ours, nullptr) << row.name;
    EXPECT_EQ(ours->name, row.name);
    EXPECT_EQ(svm_exit_name(row.code), row.name);
  }
  EXPECT_GE(svm_exits().size(), std::size(kRows));
}

TEST(KernelTables, EveryVmxExitReason) {
  constexpr KernelRow kRows[] = {VMX_EXIT_REASONS};
  for (const KernelRow& row : kRows) {
    const VmxExitRow* ours = find_vmx_exit(row.code);
    ASSERT_NE(ours, nullptr) << row.name;
    EXPECT_EQ(ours->name, row.name);
  }
  EXPECT_GE(vmx_exits().size(), std::size(kRows));
}

TEST(KernelTables, UserExits) {
  static_assert(kUserExitMmio == KVM_EXIT_MMIO);
  EXPECT_EQ(user_exit_name(KVM_EXIT_IO), "KVM_EXIT_IO");
  EXPECT_EQ(user_exit_name(1000), "unknown (0x3e8)");
}

TEST(KernelTables, Hypercalls) {
  EXPECT_EQ(hypercall_name(KVM_HC_VAPIC_POLL_IRQ), "VAPIC_POLL_IRQ");
  EXPECT_EQ(hypercall_name(KVM_HC_KICK_CPU), "KICK_CPU");
  EXPECT_EQ(hypercall_name(KVM_HC_CLOCK_PAIRING), "CLOCK_PAIRING");
  EXPECT_EQ(hypercall_name(KVM_HC_SEND_IPI), "SEND_IPI");
  EXPECT_EQ(hypercall_name(KVM_HC_SCHED_YIELD), "SCHED_YIELD");
  EXPECT_EQ(hypercall_name(KVM_HC_MAP_GPA_RANGE), "MAP_GPA_RANGE");
  EXPECT_EQ(hypercall_name(0), "");
  EXPECT_EQ(hypercall_name(1000), "");
}

TEST(KernelTables, ParavirtualMsrs) {
  EXPECT_EQ(msr_name(MSR_KVM_WALL_CLOCK_NEW), "KVM_WALL_CLOCK");
  EXPECT_EQ(msr_name(MSR_KVM_SYSTEM_TIME_NEW), "KVM_SYSTEM_TIME");
  EXPECT_EQ(msr_name(MSR_KVM_ASYNC_PF_EN), "KVM_ASYNC_PF_EN");
  EXPECT_EQ(msr_name(MSR_KVM_STEAL_TIME), "KVM_STEAL_TIME");
  EXPECT_EQ(msr_name(MSR_KVM_PV_EOI_EN), "KVM_PV_EOI_EN");
  EXPECT_EQ(msr_name(MSR_KVM_POLL_CONTROL), "KVM_POLL_CONTROL");
  EXPECT_EQ(msr_name(MSR_KVM_ASYNC_PF_INT), "KVM_ASYNC_PF_INT");
  EXPECT_EQ(msr_name(MSR_KVM_ASYNC_PF_ACK), "KVM_ASYNC_PF_ACK");
  EXPECT_EQ(msr_name(MSR_KVM_MIGRATION_CONTROL), "KVM_MIGRATION_CONTROL");
}

TEST(KernelTables, Vectors) {
  EXPECT_EQ(exception_name(DE_VECTOR), "#DE");
  EXPECT_EQ(exception_name(DB_VECTOR), "#DB");
  EXPECT_EQ(exception_name(2), "NMI");
  EXPECT_EQ(exception_name(BP_VECTOR), "#BP");
  EXPECT_EQ(exception_name(OF_VECTOR), "#OF");
  EXPECT_EQ(exception_name(BR_VECTOR), "#BR");
  EXPECT_EQ(exception_name(UD_VECTOR), "#UD");
  EXPECT_EQ(exception_name(NM_VECTOR), "#NM");
  EXPECT_EQ(exception_name(DF_VECTOR), "#DF");
  EXPECT_EQ(exception_name(TS_VECTOR), "#TS");
  EXPECT_EQ(exception_name(NP_VECTOR), "#NP");
  EXPECT_EQ(exception_name(SS_VECTOR), "#SS");
  EXPECT_EQ(exception_name(GP_VECTOR), "#GP");
  EXPECT_EQ(exception_name(PF_VECTOR), "#PF");
  EXPECT_EQ(exception_name(MF_VECTOR), "#MF");
  EXPECT_EQ(exception_name(AC_VECTOR), "#AC");
  EXPECT_EQ(exception_name(MC_VECTOR), "#MC");
  EXPECT_EQ(exception_name(XM_VECTOR), "#XM");
  EXPECT_EQ(exception_name(9), "");
  EXPECT_EQ(exception_name(32), "");
  EXPECT_EQ(vector_name(14), "#PF");
  EXPECT_EQ(vector_name(0x40), "0x40");
  EXPECT_EQ(vector_name(15), "0x0f");
}

TEST(KernelTables, Ports) {
  EXPECT_EQ(port_name(0x3f8), "COM1");
  EXPECT_EQ(port_name(0x3ff), "COM1");
  EXPECT_EQ(port_name(0x20), "PIC1");
  EXPECT_EQ(port_name(0x22), "");
  EXPECT_EQ(port_name(0xffff), "");
}

TEST(KernelTables, DeviceWindows) {
  EXPECT_EQ(device_window_name(0xfee000b0), "LAPIC");
  EXPECT_EQ(device_window_name(0xfee00fff), "LAPIC");
  EXPECT_EQ(device_window_name(0xfee01000), "");
  EXPECT_EQ(device_window_name(0xfec00010), "IOAPIC");
  EXPECT_EQ(device_window_name(0xfed000f0), "HPET");
  EXPECT_EQ(device_window_name(0), "");
}

}  // namespace
}  // namespace trapline::tracer
