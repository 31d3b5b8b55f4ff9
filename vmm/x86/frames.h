// What lies on a stack after an interrupt or exception, and how to read it from a guest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "vmm/guest/abi.h"

namespace trapline::vmm::x86 {

// What hardware pushes in long mode, lowest address first (AMD APM vol. 2, 8.9.3, figure 8-14).
struct HardwareFrame {
  std::uint64_t rip = 0;
  std::uint64_t cs = 0;
  std::uint64_t rflags = 0;
  std::uint64_t rsp = 0;
  std::uint64_t ss = 0;
};
static_assert(sizeof(HardwareFrame) == 40);

// The nano-kernel's whole frame: saved registers, vector, error code, hardware frame.
using TrapFrame = guest_trap_frame;
static_assert(offsetof(TrapFrame, rip) + sizeof(HardwareFrame) == sizeof(TrapFrame));

// Whether hardware pushes an error code for an exception vector (AMD APM vol. 2, table 8-1; Intel SDM vol. 3,
// table 6-1).
[[nodiscard]] bool pushes_error_code(unsigned vector);

// "#PF"; empty for vectors that are no architectural exception.
[[nodiscard]] std::string_view exception_mnemonic(unsigned vector);

// The trap frame at a guest-virtual address, read through the guest's own page tables, page by page. Nothing
// when a part of it cannot be reached. `memory` is guest-physical memory from 0.
[[nodiscard]] std::optional<TrapFrame> read_trap_frame(std::span<const std::byte> memory, std::uint64_t root,
                                                       std::uint64_t gva);

}  // namespace trapline::vmm::x86
