// What kind of exit a cycle was, without words: small, and the same for all exits that one description is of.
#pragma once

#include <cstdint>
#include <string_view>

#include "bpf/record.h"

namespace trapline::tracer {

enum class Cause : std::uint8_t {
  guest,  // the guest program caused the exit: its port access, its CPUID, its HLT, its access to a device
  async,  // it happened to it: a host interrupt, an interrupt window, memory that KVM had not mapped yet
};
[[nodiscard]] std::string_view cause_name(Cause cause);  // "guest", "async"

// What an exit's key says.
enum class ExitDetail : std::uint8_t {
  none,
  entry_only,          // there was no exit
  failed_entry,        // VMX: the VM entry failed
  io,                  // number: port; access: its size and ExitAccess bits
  msr,                 // number: MSR; access: write
  memory,              // KVM had not mapped it
  mmio,                // number: GPA; access: write, fetch
  mmio_any_direction,  // number: GPA
  mmio_anywhere,       // the address is not known
  cpuid,               // number: leaf
  hypercall,           // number
  control_register,    // number: register; access: 0 read, 1 write, 2 CLTS, 3 LMSW
  interrupt,           // number: vector
  exception,           // number: vector
  software_interrupt,  // number: vector
  lapic_register,      // number: offset in the LAPIC's page
};

// Bits of ExitKind::access; of a port access the low four bits are its size in bytes.
enum ExitAccess : std::uint8_t {
  kAccessWrite = 1 << 0,
  kAccessFetch = 1 << 1,
  kAccessIn = 1 << 4,
  kAccessString = 1 << 5,
  kAccessRep = 1 << 6,
};

struct ExitKind {
  std::uint64_t number = 0;  // by detail
  std::uint32_t reason = 0;  // SVM: exit code; VMX: basic exit reason, if it is a known one
  std::uint16_t isa = 0;     // TRL_ISA_SVM, TRL_ISA_VMX, 0: the record does not say
  std::uint8_t access = 0;   // by detail
  ExitDetail detail = ExitDetail::none;
  Cause cause = Cause::guest;

  bool operator==(const ExitKind&) const = default;
  struct Hash {
    std::size_t operator()(const ExitKind& kind) const {
      const std::uint64_t rest = std::uint64_t{kind.reason} << 32 | std::uint64_t{kind.isa} << 24 |
                                 std::uint64_t{kind.access} << 16 |
                                 static_cast<std::uint64_t>(kind.detail) << 8 |
                                 static_cast<std::uint64_t>(kind.cause);
      std::uint64_t mixed = (kind.number ^ rest * 0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd;
      mixed ^= mixed >> 32;
      return static_cast<std::size_t>(mixed);
    }
  };
};

[[nodiscard]] ExitKind kind_of(const trl_exit_cycle& cycle);

}  // namespace trapline::tracer
