// Intel VMX: exit reasons and what the exit qualification says. Tables and sections are those of the Intel 64
// and IA-32 Architectures Software Developer's Manual, Volume 3C (326019), numbered as in the editions of
// 2023.
//
// A VMX exit cycle holds: reason: the exit reason field, flags included; info1: the exit qualification;
// info2: the guest-physical address for EPT_VIOLATION and EPT_MISCONFIG, the interruption information for
// EXCEPTION_NMI and EXTERNAL_INTERRUPT, 0 where the probes do not know; exit_int_info: the IDT-vectoring
// information; event_inj: the VM-entry interruption information.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "tracer/exits/keys.h"
#include "tracer/exits/kind.h"

namespace trapline::tracer {

struct VmxExitRow {
  std::uint16_t reason;   // basic exit reason (SDM Appendix C, table C-1)
  std::string_view name;  // as in VMX_EXIT_REASONS of <asm/vmx.h>, which `perf kvm stat` prints
  Cause cause;
};

[[nodiscard]] std::span<const VmxExitRow> vmx_exits();
[[nodiscard]] const VmxExitRow* find_vmx_exit(std::uint32_t reason);  // flags are masked off
[[nodiscard]] std::string vmx_exit_name(std::uint32_t reason);  // "unknown (0x...)" when not in the table

// The exit reason field (SDM 25.9.1).
inline constexpr std::uint32_t kVmxBasicReason = 0xffff;
struct VmxReasonFlags {
  bool bus_lock = false;      // bit 26: a bus lock was asserted
  bool enclave = false;       // bit 27: in an SGX enclave
  bool pending_mtf = false;   // bit 28: with a pending monitor trap flag exit
  bool from_root = false;     // bit 29: from VMX root operation
  bool failed_entry = false;  // bit 31: the VM entry failed
};
[[nodiscard]] VmxReasonFlags vmx_reason_flags(std::uint32_t reason);

// Basic reasons that have details.
inline constexpr std::uint16_t kVmxExceptionNmi = 0;
inline constexpr std::uint16_t kVmxExternalInterrupt = 1;
inline constexpr std::uint16_t kVmxCpuid = 10;
inline constexpr std::uint16_t kVmxVmcall = 18;
inline constexpr std::uint16_t kVmxCrAccess = 28;
inline constexpr std::uint16_t kVmxIo = 30;
inline constexpr std::uint16_t kVmxMsrRead = 31;
inline constexpr std::uint16_t kVmxMsrWrite = 32;
inline constexpr std::uint16_t kVmxApicAccess = 44;
inline constexpr std::uint16_t kVmxEoiInduced = 45;
inline constexpr std::uint16_t kVmxEptViolation = 48;
inline constexpr std::uint16_t kVmxEptMisconfig = 49;
inline constexpr std::uint16_t kVmxApicWrite = 56;

[[nodiscard]] IoAccess vmx_io(std::uint64_t qualification);  // SDM 28.2.1, table 28-5

enum class CrAccessKind : std::uint8_t { mov_to = 0, mov_from = 1, clts = 2, lmsw = 3 };
struct VmxCrAccess {  // SDM 28.2.1, table 28-3
  std::uint8_t cr = 0;
  CrAccessKind kind = CrAccessKind::mov_to;
  std::uint8_t gpr = 0;
};
[[nodiscard]] VmxCrAccess vmx_cr_access(std::uint64_t qualification);

struct EptViolation {          // SDM 28.2.1, table 28-7
  bool read = false;           // bit 0
  bool write = false;          // bit 1
  bool fetch = false;          // bit 2
  bool readable = false;       // bit 3: what the page's EPT entries allow
  bool writable = false;       // bit 4
  bool executable = false;     // bit 5
  bool linear_valid = false;   // bit 7: the access had a linear address
  bool final_address = false;  // bit 8: not while walking the guest's page tables

  [[nodiscard]] bool mapped() const { return readable || writable || executable; }
};
[[nodiscard]] EptViolation vmx_ept_violation(std::uint64_t qualification);

[[nodiscard]] ExitKind vmx_kind(const trl_exit_cycle& cycle);

}  // namespace trapline::tracer
