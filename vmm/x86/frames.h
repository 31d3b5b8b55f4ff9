// What lies on a stack after an interrupt or exception.
#pragma once

#include <cstddef>
#include <cstdint>
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

}  // namespace trapline::vmm::x86
