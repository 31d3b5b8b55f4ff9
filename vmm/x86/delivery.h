// What hardware does to deliver a trap and to return from it, done by software on a guest's memory: for VMMs
// that stand between the two. Pure functions. AMD APM vol. 2, 8.9 and 8.10; vol. 3, IRET.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "vmm/x86/frames.h"
#include "vmm/x86/guest_access.h"

namespace trapline::vmm::x86 {

inline constexpr std::uint64_t kRflagsFixed = 1u << 1;
inline constexpr std::uint64_t kRflagsTrap = 1u << 8;
inline constexpr std::uint64_t kRflagsInterrupt = 1u << 9;
inline constexpr std::uint64_t kRflagsIopl = 3u << 12;
inline constexpr std::uint64_t kRflagsNestedTask = 1u << 14;
inline constexpr std::uint64_t kRflagsResume = 1u << 16;
inline constexpr std::uint64_t kRflagsVirtual8086 = 1u << 17;

[[nodiscard]] bool is_canonical(std::uint64_t address);
[[nodiscard]] constexpr unsigned privilege_of(std::uint64_t selector) {
  return static_cast<unsigned>(selector & 3);
}

struct DescriptorTable {
  std::uint64_t base = 0;
  std::uint16_t limit = 0;
};

// Where a gate leads.
struct GateTarget {
  std::uint64_t handler = 0;
  bool clears_interrupt_flag = false;  // an interrupt gate, not a trap gate
};

// The gate of a vector in a guest's IDT. Fails with what is wrong with it: beyond the limit, not mapped, not
// present, no gate of long mode, handler not canonical.
[[nodiscard]] Result<GateTarget> read_gate(const AddressSpace& space, DescriptorTable idt, unsigned vector);

// Pushes a frame, and the error code where there is one, on the stack at `rsp`, aligned to 16 first, as
// hardware does in long mode. Returns the new RSP. Fails, and writes nothing, where the stack cannot be
// written.
[[nodiscard]] Result<std::uint64_t> push_frame(const AddressSpace& space, std::uint64_t rsp,
                                               const HardwareFrame& frame,
                                               std::optional<std::uint64_t> error_code);

// The frame that an IRET with this RSP would pop.
[[nodiscard]] Result<HardwareFrame> pop_frame(const AddressSpace& space, std::uint64_t rsp);

// RFLAGS as a handler starts with them: TF, NT, RF and VM are clear (8.9.3), IF as the gate says.
[[nodiscard]] std::uint64_t handler_flags(std::uint64_t rflags, bool interrupts);

// RFLAGS that a deprivileged guest may be given: IOPL 0, no NT, RF or VM; IF as wanted.
[[nodiscard]] std::uint64_t deprivileged_flags(std::uint64_t rflags, bool interrupts);

}  // namespace trapline::vmm::x86
