#include "tracer/exits/svm.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tracer/exits/keys.h"
#include "tracer/exits/memory_fault.h"

namespace trapline::tracer {
namespace {

constexpr Cause kGuest = Cause::guest;
constexpr Cause kAsync = Cause::async;

// SVM_EXIT_REASONS of Linux 7.3's <asm/svm.h>. By code. The causes:
//  - "iret": KVM intercepts IRET only to learn that an NMI handler has ended (svm_enable_nmi_window).
//  - "vintr": the interrupt window that KVM asked for has opened (svm_enable_irq_window).
//  - "PF excp" happens with nested paging off only, where the guest's own faults cannot be told from KVM's.
constexpr auto kExits = std::to_array<SvmExitRow>({
    {0x000, "read_cr0", kGuest},
    {0x002, "read_cr2", kGuest},
    {0x003, "read_cr3", kGuest},
    {0x004, "read_cr4", kGuest},
    {0x008, "read_cr8", kGuest},
    {0x010, "write_cr0", kGuest},
    {0x012, "write_cr2", kGuest},
    {0x013, "write_cr3", kGuest},
    {0x014, "write_cr4", kGuest},
    {0x018, "write_cr8", kGuest},
    {0x020, "read_dr0", kGuest},
    {0x021, "read_dr1", kGuest},
    {0x022, "read_dr2", kGuest},
    {0x023, "read_dr3", kGuest},
    {0x024, "read_dr4", kGuest},
    {0x025, "read_dr5", kGuest},
    {0x026, "read_dr6", kGuest},
    {0x027, "read_dr7", kGuest},
    {0x030, "write_dr0", kGuest},
    {0x031, "write_dr1", kGuest},
    {0x032, "write_dr2", kGuest},
    {0x033, "write_dr3", kGuest},
    {0x034, "write_dr4", kGuest},
    {0x035, "write_dr5", kGuest},
    {0x036, "write_dr6", kGuest},
    {0x037, "write_dr7", kGuest},
    {0x040, "DE excp", kGuest},
    {0x041, "DB excp", kGuest},
    {0x043, "BP excp", kGuest},
    {0x044, "OF excp", kGuest},
    {0x045, "BR excp", kGuest},
    {0x046, "UD excp", kGuest},
    {0x047, "NM excp", kGuest},
    {0x048, "DF excp", kGuest},
    {0x04a, "TS excp", kGuest},
    {0x04b, "NP excp", kGuest},
    {0x04c, "SS excp", kGuest},
    {0x04d, "GP excp", kGuest},
    {0x04e, "PF excp", kGuest},
    {0x050, "MF excp", kGuest},
    {0x051, "AC excp", kGuest},
    {0x052, "MC excp", kAsync},
    {0x053, "XF excp", kGuest},
    {0x060, "interrupt", kAsync},
    {0x061, "nmi", kAsync},
    {0x062, "smi", kAsync},
    {0x063, "init", kAsync},
    {0x064, "vintr", kAsync},
    {0x065, "cr0_sel_write", kGuest},
    {0x066, "read_idtr", kGuest},
    {0x067, "read_gdtr", kGuest},
    {0x068, "read_ldtr", kGuest},
    {0x069, "read_rt", kGuest},
    {0x06a, "write_idtr", kGuest},
    {0x06b, "write_gdtr", kGuest},
    {0x06c, "write_ldtr", kGuest},
    {0x06d, "write_rt", kGuest},
    {0x06e, "rdtsc", kGuest},
    {0x06f, "rdpmc", kGuest},
    {0x070, "pushf", kGuest},
    {0x071, "popf", kGuest},
    {0x072, "cpuid", kGuest},
    {0x073, "rsm", kGuest},
    {0x074, "iret", kAsync},
    {0x075, "swint", kGuest},
    {0x076, "invd", kGuest},
    {0x077, "pause", kGuest},
    {0x078, "hlt", kGuest},
    {0x079, "invlpg", kGuest},
    {0x07a, "invlpga", kGuest},
    {0x07b, "io", kGuest},
    {0x07c, "msr", kGuest},
    {0x07d, "task_switch", kGuest},
    {0x07e, "ferr_freeze", kGuest},
    {0x07f, "shutdown", kGuest},
    {0x080, "vmrun", kGuest},
    {0x081, "hypercall", kGuest},
    {0x082, "vmload", kGuest},
    {0x083, "vmsave", kGuest},
    {0x084, "stgi", kGuest},
    {0x085, "clgi", kGuest},
    {0x086, "skinit", kGuest},
    {0x087, "rdtscp", kGuest},
    {0x088, "icebp", kGuest},
    {0x089, "wbinvd", kGuest},
    {0x08a, "monitor", kGuest},
    {0x08b, "mwait", kGuest},
    {0x08d, "xsetbv", kGuest},
    {0x08f, "write_efer_trap", kGuest},
    {0x090, "write_cr0_trap", kGuest},
    {0x094, "write_cr4_trap", kGuest},
    {0x098, "write_cr8_trap", kGuest},
    {0x0a2, "invpcid", kGuest},
    {0x0a5, "buslock", kGuest},
    {0x0a6, "idle-halt", kGuest},
    {0x400, "npf", kAsync},
    {0x401, "avic_incomplete_ipi", kGuest},
    {0x402, "avic_unaccelerated_access", kGuest},
    {0x403, "vmgexit", kGuest},
    {0x80000001, "vmgexit_mmio_read", kGuest},
    {0x80000002, "vmgexit_mmio_write", kGuest},
    {0x80000003, "vmgexit_nmi_complete", kGuest},
    {0x80000004, "vmgexit_ap_hlt_loop", kGuest},
    {0x80000005, "vmgexit_ap_jump_table", kGuest},
    {0x80000010, "vmgexit_page_state_change", kGuest},
    {0x80000011, "vmgexit_guest_request", kGuest},
    {0x80000012, "vmgexit_ext_guest_request", kGuest},
    {0x80000013, "vmgexit_ap_creation", kGuest},
    {0x8000fffd, "vmgexit_hypervisor_feature", kGuest},
    {0xffffffff, "invalid_guest_state", kGuest},
});
static_assert(std::ranges::is_sorted(kExits, {}, &SvmExitRow::code));

constexpr bool bit(std::uint64_t value, unsigned number) {
  return (value >> number & 1) != 0;
}

void read_details(const trl_exit_cycle& cycle, ExitKind& kind) {
  switch (cycle.reason) {
    case kSvmIo:
      return set_io(svm_io(cycle.info1), kind);
    case kSvmMsr:
      // EXITINFO1 is 0 for RDMSR, 1 for WRMSR (APM 15.11); neither changes RCX, which holds the MSR.
      kind.detail = ExitDetail::msr;
      kind.number = cycle.rcx;
      kind.access = bit(cycle.info1, 0) ? kAccessWrite : 0;
      return;
    case kSvmNestedPageFault: {
      const NestedFault fault = svm_nested_fault(cycle.info1);
      return set_memory_fault(cycle, {cycle.info2, true, fault.reserved, fault.write, fault.fetch}, kind);
    }
    case kSvmCpuid:
      kind.detail = ExitDetail::cpuid;
      kind.number = cycle.rax;
      return;
    case kSvmVmmcall:
      kind.detail = ExitDetail::hypercall;
      kind.number = cycle.rax;
      return;
    case kSvmSoftwareInterrupt:
      // EXITINFO1[7:0]: the vector (APM 15.8.2: decode assists).
      kind.detail = ExitDetail::software_interrupt;
      kind.number = cycle.info1 & 0xff;
      return;
    default:
      break;
  }
  if (cycle.reason > kSvmLastCr) return;
  const CrAccess access = svm_cr_access(cycle.reason, cycle.info1);
  kind.detail = ExitDetail::control_register;
  kind.number = access.cr;
  kind.access = access.write ? 0 : 1;
}

}  // namespace

std::span<const SvmExitRow> svm_exits() {
  return kExits;
}

const SvmExitRow* find_svm_exit(std::uint32_t code) {
  const auto* row = std::ranges::lower_bound(kExits, code, {}, &SvmExitRow::code);
  return row != kExits.end() && row->code == code ? row : nullptr;
}

std::string svm_exit_name(std::uint32_t code) {
  const SvmExitRow* row = find_svm_exit(code);
  return row != nullptr ? std::string(row->name) : fmt::format("unknown ({:#x})", code);
}

IoAccess svm_io(std::uint64_t info1) {
  IoAccess io;
  io.port = static_cast<std::uint16_t>(info1 >> 16 & 0xffff);
  // Bits 4, 5, 6: SZ8, SZ16, SZ32, one of them set.
  io.size = bit(info1, 4) ? 1 : bit(info1, 5) ? 2 : bit(info1, 6) ? 4 : 0;
  io.rep = bit(info1, 3);
  io.string = bit(info1, 2);
  io.in = bit(info1, 0);
  return io;
}

NestedFault svm_nested_fault(std::uint64_t info1) {
  NestedFault fault;
  fault.present = bit(info1, 0);
  fault.write = bit(info1, 1);
  fault.user = bit(info1, 2);
  fault.reserved = bit(info1, 3);
  fault.fetch = bit(info1, 4);
  fault.final_address = bit(info1, 32);
  fault.guest_page_table = bit(info1, 33);
  return fault;
}

CrAccess svm_cr_access(std::uint32_t code, std::uint64_t info1) {
  CrAccess access;
  access.cr = static_cast<std::uint8_t>(code & 0xf);
  access.write = code >= kSvmWriteCr0;
  // Without decode assists EXITINFO1 is 0; then, and for LMSW, CLTS and SMSW, bit 63 is clear.
  access.is_mov = bit(info1, 63);
  access.gpr = static_cast<std::uint8_t>(info1 & 0xf);
  return access;
}

ExitKind svm_kind(const trl_exit_cycle& cycle) {
  ExitKind kind;
  kind.isa = TRL_ISA_SVM;
  kind.reason = cycle.reason;
  if (const SvmExitRow* row = find_svm_exit(cycle.reason)) kind.cause = row->cause;
  read_details(cycle, kind);
  return kind;
}

}  // namespace trapline::tracer
