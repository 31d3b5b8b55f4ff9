// The processor that a fully virtualized kernel believes to run on: the control registers, tables and MSRs
// that its privileged instructions are emulated against. Its general registers, RIP and the like are real.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "vmm/guest/abi.h"
#include "vmm/x86/delivery.h"

namespace trapline::vmm {

struct VirtualProcessor {
  std::uint64_t cr0 = 0x80010033;  // as the kernel was started, vmm/machine/boot.cpp
  std::uint64_t cr3 = 0;
  std::uint64_t cr4 = 0x620;
  std::uint64_t cr8 = 0;
  std::array<std::uint64_t, 8> debug{};
  x86::DescriptorTable gdt{GUEST_GDT, GUEST_GDT_BYTES - 1};
  x86::DescriptorTable idt{};
  std::uint64_t tss = 0;  // base
  std::uint64_t efer = 0xd01;
  std::uint64_t star = 0;
  std::uint64_t lstar = 0;
  std::uint64_t sfmask = 0;
  std::uint64_t kernel_gs = 0;
  std::optional<std::uint8_t> injected;  // an interrupt on its way to the monitor
  bool interrupt_shadow = false;         // STI was executed, and the HLT after it was not yet

  // Those MSRs that lie in here; nothing for others.
  [[nodiscard]] std::uint64_t* msr(std::uint32_t index);
};

}  // namespace trapline::vmm
