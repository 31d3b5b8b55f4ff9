#include "tracer/exits/user_exits.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace trapline::tracer {

std::string user_exit_name(std::uint32_t reason) {
  // By number, those of other architectures too.
  constexpr auto kNames = std::to_array<std::string_view>({
      "UNKNOWN",
      "EXCEPTION",
      "IO",
      "HYPERCALL",
      "DEBUG",
      "HLT",
      "MMIO",
      "IRQ_WINDOW_OPEN",
      "SHUTDOWN",
      "FAIL_ENTRY",
      "INTR",
      "SET_TPR",
      "TPR_ACCESS",
      "S390_SIEIC",
      "S390_RESET",
      "DCR",
      "NMI",
      "INTERNAL_ERROR",
      "OSI",
      "PAPR_HCALL",
      "S390_UCONTROL",
      "WATCHDOG",
      "S390_TSCH",
      "EPR",
      "SYSTEM_EVENT",
      "S390_STSI",
      "IOAPIC_EOI",
      "HYPERV",
      "ARM_NISV",
      "X86_RDMSR",
      "X86_WRMSR",
      "DIRTY_RING_FULL",
      "AP_RESET_HOLD",
      "X86_BUS_LOCK",
      "XEN",
      "RISCV_SBI",
      "RISCV_CSR",
      "NOTIFY",
      "LOONGARCH_IOCSR",
      "MEMORY_FAULT",
  });
  if (reason >= kNames.size()) return fmt::format("unknown ({:#x})", reason);
  return fmt::format("KVM_EXIT_{}", kNames[reason]);
}

}  // namespace trapline::tracer
