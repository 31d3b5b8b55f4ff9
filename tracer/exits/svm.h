// AMD SVM: exit codes and what EXITINFO1 and EXITINFO2 say. Sections are those of the AMD64 Architecture
// Programmer's Manual, Volume 2 (24593).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "tracer/exits/keys.h"
#include "tracer/exits/kind.h"

namespace trapline::tracer {

struct SvmExitRow {
  std::uint32_t code;     // EXITCODE, low 32 bits (APM Appendix C)
  std::string_view name;  // as in SVM_EXIT_REASONS of <asm/svm.h>, which `perf kvm stat` prints
  Cause cause;            // what holds unless the exit's details say otherwise
};

[[nodiscard]] std::span<const SvmExitRow> svm_exits();
[[nodiscard]] const SvmExitRow* find_svm_exit(std::uint32_t code);  // nullptr: not in the table
[[nodiscard]] std::string svm_exit_name(std::uint32_t code);        // "unknown (0x...)" when not in the table

// EXITCODEs that have details.
inline constexpr std::uint32_t kSvmReadCr0 = 0x000;
inline constexpr std::uint32_t kSvmWriteCr0 = 0x010;
inline constexpr std::uint32_t kSvmLastCr = 0x01f;
inline constexpr std::uint32_t kSvmCpuid = 0x072;
inline constexpr std::uint32_t kSvmSoftwareInterrupt = 0x075;
inline constexpr std::uint32_t kSvmIo = 0x07b;
inline constexpr std::uint32_t kSvmMsr = 0x07c;
inline constexpr std::uint32_t kSvmVmmcall = 0x081;
inline constexpr std::uint32_t kSvmNestedPageFault = 0x400;

[[nodiscard]] IoAccess svm_io(std::uint64_t info1);  // APM 15.10.2

// EXITINFO1 of a nested page fault; EXITINFO2 is the guest-physical address (APM 15.25.6).
struct NestedFault {
  bool present = false;           // bit 0: the nested page is mapped; the access breaks its rights
  bool write = false;             // bit 1
  bool user = false;              // bit 2: all nested accesses count as user's
  bool reserved = false;          // bit 3: a reserved bit is set in the nested page table
  bool fetch = false;             // bit 4
  bool final_address = false;     // bit 32: while translating the access's own guest-physical address
  bool guest_page_table = false;  // bit 33: while walking the guest's page tables
};
[[nodiscard]] NestedFault svm_nested_fault(std::uint64_t info1);

// A MOV to or from a control register (APM 15.8.1: decode assists).
struct CrAccess {
  std::uint8_t cr = 0;
  bool write = false;
  bool is_mov = false;   // the register number below holds
  std::uint8_t gpr = 0;  // 0: RAX, 1: RCX, ... as in ModRM
};
[[nodiscard]] CrAccess svm_cr_access(std::uint32_t code, std::uint64_t info1);

[[nodiscard]] ExitKind svm_kind(const trl_exit_cycle& cycle);

}  // namespace trapline::tracer
