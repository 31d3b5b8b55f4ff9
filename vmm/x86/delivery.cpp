#include "vmm/x86/delivery.h"

#include <fmt/format.h>

#include <cstring>

#include "vmm/x86/descriptors.h"

namespace trapline::vmm::x86 {

namespace {

// AMD APM vol. 2, 4.8.4: type, and the present bit, of a gate's first half.
constexpr unsigned kTypeShift = 40;
constexpr std::uint64_t kTypeMask = 0xf;
constexpr std::uint64_t kInterruptGate = 0xe;
constexpr std::uint64_t kTrapGate = 0xf;
constexpr std::uint64_t kPresent = std::uint64_t{1} << 47;

std::uint64_t handler_of(const Gate& gate) {
  return (gate.low & 0xffff) | (gate.low >> 48 & 0xffff) << 16 | gate.high << 32;
}

}  // namespace

bool is_canonical(std::uint64_t address) {
  const auto upper = static_cast<std::int64_t>(address) >> 47;
  return upper == 0 || upper == -1;
}

Result<GateTarget> read_gate(const AddressSpace& space, DescriptorTable idt, unsigned vector) {
  const std::uint64_t offset = std::uint64_t{vector} * sizeof(Gate);
  if (offset + sizeof(Gate) - 1 > idt.limit)
    return fail(fmt::format("vector {:#x} lies beyond the IDT's limit {:#x}", vector, idt.limit));
  const auto gate = read_object<Gate>(space, idt.base + offset);
  if (!gate) return fail(fmt::format("the IDT at {:#x} is not mapped", idt.base));
  if (!(gate->low & kPresent)) return fail(fmt::format("the gate of vector {:#x} is not present", vector));
  const std::uint64_t type = gate->low >> kTypeShift & kTypeMask;
  if (type != kInterruptGate && type != kTrapGate)
    return fail(
        fmt::format("the gate of vector {:#x} has type {:#x}, which is none of long mode's", vector, type));
  const std::uint64_t handler = handler_of(*gate);
  if (!is_canonical(handler))
    return fail(
        fmt::format("the gate of vector {:#x} leads to {:#x}, which is not canonical", vector, handler));
  return GateTarget{handler, type == kInterruptGate};
}

Result<std::uint64_t> push_frame(const AddressSpace& space, std::uint64_t rsp, const HardwareFrame& frame,
                                 std::optional<std::uint64_t> error_code) {
  constexpr std::uint64_t kAlignment = 16;
  const std::uint64_t words = sizeof frame / sizeof(std::uint64_t) + (error_code ? 1 : 0);
  const std::uint64_t new_rsp = (rsp & ~(kAlignment - 1)) - words * sizeof(std::uint64_t);
  std::byte bytes[sizeof frame + sizeof(std::uint64_t)];
  std::size_t used = 0;
  if (error_code) {
    std::memcpy(bytes, &*error_code, sizeof *error_code);
    used = sizeof *error_code;
  }
  std::memcpy(bytes + used, &frame, sizeof frame);
  used += sizeof frame;
  if (!is_canonical(new_rsp) || !write_bytes(space, new_rsp, {bytes, used}))
    return fail(fmt::format("the kernel stack at {:#x} cannot be written", rsp));
  return new_rsp;
}

Result<HardwareFrame> pop_frame(const AddressSpace& space, std::uint64_t rsp) {
  const auto frame = read_object<HardwareFrame>(space, rsp);
  if (!frame) return fail(fmt::format("the frame to return to, at {:#x}, cannot be read", rsp));
  if (!is_canonical(frame->rip))
    return fail(
        fmt::format("the frame at {:#x} leads to RIP {:#x}, which is not canonical", rsp, frame->rip));
  return *frame;
}

std::uint64_t handler_flags(std::uint64_t rflags, bool interrupts) {
  rflags &= ~(kRflagsTrap | kRflagsNestedTask | kRflagsResume | kRflagsVirtual8086 | kRflagsInterrupt);
  return rflags | kRflagsFixed | (interrupts ? kRflagsInterrupt : 0);
}

std::uint64_t deprivileged_flags(std::uint64_t rflags, bool interrupts) {
  rflags &= ~(kRflagsIopl | kRflagsNestedTask | kRflagsResume | kRflagsVirtual8086 | kRflagsInterrupt);
  return rflags | kRflagsFixed | (interrupts ? kRflagsInterrupt : 0);
}

}  // namespace trapline::vmm::x86
