#include "tracer/exits/vmx.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tracer/exits/events.h"
#include "tracer/exits/keys.h"
#include "tracer/exits/memory_fault.h"
#include "tracer/exits/vectors.h"

namespace trapline::tracer {
namespace {

constexpr Cause kGuest = Cause::guest;
constexpr Cause kAsync = Cause::async;

// VMX_EXIT_REASONS of Linux 7.3's <asm/vmx.h>, and of its other reasons those that can be seen (6, 76). By
// reason. The causes:
//  - PREEMPTION_TIMER is KVM's way to be woken for the guest's LAPIC timer: an interrupt, not an instruction.
//  - MONITOR_TRAP_FLAG is asked for by the host (single stepping, nested entries).
//  - EXCEPTION_NMI is the guest's unless its details say NMI or machine check.
constexpr auto kExits = std::to_array<VmxExitRow>({
    {0, "EXCEPTION_NMI", kGuest},
    {1, "EXTERNAL_INTERRUPT", kAsync},
    {2, "TRIPLE_FAULT", kGuest},
    {3, "INIT_SIGNAL", kAsync},
    {4, "SIPI_SIGNAL", kAsync},
    {6, "OTHER_SMI", kAsync},
    {7, "INTERRUPT_WINDOW", kAsync},
    {8, "NMI_WINDOW", kAsync},
    {9, "TASK_SWITCH", kGuest},
    {10, "CPUID", kGuest},
    {12, "HLT", kGuest},
    {13, "INVD", kGuest},
    {14, "INVLPG", kGuest},
    {15, "RDPMC", kGuest},
    {16, "RDTSC", kGuest},
    {18, "VMCALL", kGuest},
    {19, "VMCLEAR", kGuest},
    {20, "VMLAUNCH", kGuest},
    {21, "VMPTRLD", kGuest},
    {22, "VMPTRST", kGuest},
    {23, "VMREAD", kGuest},
    {24, "VMRESUME", kGuest},
    {25, "VMWRITE", kGuest},
    {26, "VMOFF", kGuest},
    {27, "VMON", kGuest},
    {28, "CR_ACCESS", kGuest},
    {29, "DR_ACCESS", kGuest},
    {30, "IO_INSTRUCTION", kGuest},
    {31, "MSR_READ", kGuest},
    {32, "MSR_WRITE", kGuest},
    {33, "INVALID_STATE", kGuest},
    {34, "MSR_LOAD_FAIL", kAsync},
    {36, "MWAIT_INSTRUCTION", kGuest},
    {37, "MONITOR_TRAP_FLAG", kAsync},
    {39, "MONITOR_INSTRUCTION", kGuest},
    {40, "PAUSE_INSTRUCTION", kGuest},
    {41, "MCE_DURING_VMENTRY", kAsync},
    {43, "TPR_BELOW_THRESHOLD", kGuest},
    {44, "APIC_ACCESS", kGuest},
    {45, "EOI_INDUCED", kGuest},
    {46, "GDTR_IDTR", kGuest},
    {47, "LDTR_TR", kGuest},
    {48, "EPT_VIOLATION", kAsync},
    {49, "EPT_MISCONFIG", kGuest},
    {50, "INVEPT", kGuest},
    {51, "RDTSCP", kGuest},
    {52, "PREEMPTION_TIMER", kAsync},
    {53, "INVVPID", kGuest},
    {54, "WBINVD", kGuest},
    {55, "XSETBV", kGuest},
    {56, "APIC_WRITE", kGuest},
    {57, "RDRAND", kGuest},
    {58, "INVPCID", kGuest},
    {59, "VMFUNC", kGuest},
    {60, "ENCLS", kGuest},
    {61, "RDSEED", kGuest},
    {62, "PML_FULL", kAsync},
    {63, "XSAVES", kGuest},
    {64, "XRSTORS", kGuest},
    {67, "UMWAIT", kGuest},
    {68, "TPAUSE", kGuest},
    {74, "BUS_LOCK", kGuest},
    {75, "NOTIFY", kGuest},
    {76, "SEAMCALL", kGuest},
    {77, "TDCALL", kGuest},
    {84, "MSR_READ_IMM", kGuest},
    {85, "MSR_WRITE_IMM", kGuest},
});
static_assert(std::ranges::is_sorted(kExits, {}, &VmxExitRow::reason));

constexpr std::uint8_t kMachineCheck = 18;
constexpr std::uint8_t kNmiVector = 2;

constexpr bool bit(std::uint64_t value, unsigned number) {
  return (value >> number & 1) != 0;
}

void set(ExitKind& kind, ExitDetail detail, std::uint64_t number) {
  kind.detail = detail;
  kind.number = number;
}

void read_event(const trl_exit_cycle& cycle, ExitDetail detail, ExitKind& kind) {
  const EventField event = decode_event(static_cast<std::uint32_t>(cycle.info2));
  if (!event.valid) return;
  if (detail == ExitDetail::exception && (event.vector == kNmiVector || event.vector == kMachineCheck)) {
    kind.cause = Cause::async;
  }
  set(kind, detail, event.vector);
}

void read_fault(const trl_exit_cycle& cycle, bool misconfigured, ExitKind& kind) {
  // An EPT misconfiguration has no qualification (it is not defined then): direction is not known.
  const EptViolation violation = misconfigured ? EptViolation{} : vmx_ept_violation(cycle.info1);
  set_memory_fault(cycle, {cycle.info2, cycle.info2 != 0, misconfigured, violation.write, violation.fetch},
                   kind);
  if (misconfigured && kind.detail == ExitDetail::mmio) kind.detail = ExitDetail::mmio_any_direction;
}

void read_details(const trl_exit_cycle& cycle, ExitKind& kind) {
  switch (cycle.reason & kVmxBasicReason) {
    case kVmxExceptionNmi:
      return read_event(cycle, ExitDetail::exception, kind);
    case kVmxExternalInterrupt:
      return read_event(cycle, ExitDetail::interrupt, kind);
    case kVmxIo:
      return set_io(vmx_io(cycle.info1), kind);
    case kVmxMsrRead:
      return set(kind, ExitDetail::msr, cycle.rcx);
    case kVmxMsrWrite:
      kind.access = kAccessWrite;
      return set(kind, ExitDetail::msr, cycle.rcx);
    case kVmxCrAccess: {
      const VmxCrAccess access = vmx_cr_access(cycle.info1);
      kind.access = static_cast<std::uint8_t>(access.kind);
      return set(kind, ExitDetail::control_register, access.cr);
    }
    case kVmxEptViolation:
      return read_fault(cycle, false, kind);
    case kVmxEptMisconfig:
      return read_fault(cycle, true, kind);
    case kVmxApicAccess:
    case kVmxApicWrite:
      // Bits 11:0 are the register's offset in the LAPIC page (SDM 28.2.1, table 28-6).
      return set(kind, ExitDetail::lapic_register, cycle.info1 & 0xfff);
    case kVmxEoiInduced:
      // SDM 28.2.1: bits 7:0 are the vector that the virtual EOI was for.
      return set(kind, ExitDetail::interrupt, cycle.info1 & 0xff);
    case kVmxCpuid:
      return set(kind, ExitDetail::cpuid, cycle.rax);
    case kVmxVmcall:
      return set(kind, ExitDetail::hypercall, cycle.rax);
    default:
      return;
  }
}

}  // namespace

std::span<const VmxExitRow> vmx_exits() {
  return kExits;
}

const VmxExitRow* find_vmx_exit(std::uint32_t reason) {
  const auto* row = std::ranges::lower_bound(kExits, reason & kVmxBasicReason, {}, &VmxExitRow::reason);
  return row != kExits.end() && row->reason == (reason & kVmxBasicReason) ? row : nullptr;
}

std::string vmx_exit_name(std::uint32_t reason) {
  const VmxExitRow* row = find_vmx_exit(reason);
  return row != nullptr ? std::string(row->name) : fmt::format("unknown ({:#x})", reason);
}

VmxReasonFlags vmx_reason_flags(std::uint32_t reason) {
  return {bit(reason, 26), bit(reason, 27), bit(reason, 28), bit(reason, 29), bit(reason, 31)};
}

IoAccess vmx_io(std::uint64_t qualification) {
  IoAccess io;
  io.size = static_cast<std::uint8_t>((qualification & 7) + 1);  // 0: 1 byte, 1: 2 bytes, 3: 4 bytes
  io.in = bit(qualification, 3);
  io.string = bit(qualification, 4);
  io.rep = bit(qualification, 5);
  io.port = static_cast<std::uint16_t>(qualification >> 16 & 0xffff);
  return io;
}

VmxCrAccess vmx_cr_access(std::uint64_t qualification) {
  VmxCrAccess access;
  access.cr = static_cast<std::uint8_t>(qualification & 0xf);  // 0 for CLTS and LMSW
  access.kind = static_cast<CrAccessKind>(qualification >> 4 & 3);
  access.gpr = static_cast<std::uint8_t>(qualification >> 8 & 0xf);
  return access;
}

EptViolation vmx_ept_violation(std::uint64_t qualification) {
  EptViolation violation;
  violation.read = bit(qualification, 0);
  violation.write = bit(qualification, 1);
  violation.fetch = bit(qualification, 2);
  violation.readable = bit(qualification, 3);
  violation.writable = bit(qualification, 4);
  violation.executable = bit(qualification, 5);
  violation.linear_valid = bit(qualification, 7);
  violation.final_address = bit(qualification, 8);
  return violation;
}

ExitKind vmx_kind(const trl_exit_cycle& cycle) {
  ExitKind kind;
  kind.isa = TRL_ISA_VMX;
  kind.reason = cycle.reason;
  if (const VmxExitRow* row = find_vmx_exit(cycle.reason)) {
    kind.reason = row->reason;  // exits that differ in the flags only are of one kind
    kind.cause = row->cause;
  }
  // With a failed VM entry the other fields are those of the failure (SDM 27.8).
  if (vmx_reason_flags(cycle.reason).failed_entry) {
    kind.detail = ExitDetail::failed_entry;
  } else {
    read_details(cycle, kind);
  }
  return kind;
}

}  // namespace trapline::tracer
