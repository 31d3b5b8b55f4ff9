#include "vmm/steps.h"

#include <fmt/format.h>

#include "vmm/guest/abi.h"

namespace trapline::vmm {

namespace {

std::string_view hypercall_name(std::uint16_t number) {
  switch (number) {
    case GUEST_HYPERCALL_NULL:
      return "null";
    case GUEST_HYPERCALL_SET_TRAP_TABLE:
      return "set_trap_table";
    case GUEST_HYPERCALL_STACK_SWITCH:
      return "stack_switch";
    case GUEST_HYPERCALL_SET_CALLBACKS:
      return "set_callbacks";
    case GUEST_HYPERCALL_IRET:
      return "iret";
    case GUEST_HYPERCALL_SET_TIMER:
      return "set_timer";
    case GUEST_HYPERCALL_BLOCK:
      return "block";
    case GUEST_HYPERCALL_EVENT_SEND:
      return "event_send";
    case GUEST_HYPERCALL_EVENT_DELIVER:
      return "event_deliver";
    case GUEST_HYPERCALL_PORT_WRITE:
      return "port_write";
    case GUEST_HYPERCALL_PORT_READ:
      return "port_read";
    case GUEST_HYPERCALL_INVALIDATE_PAGE:
      return "invalidate_page";
    default:
      return {};
  }
}

}  // namespace

std::string_view step_name(VmmStep step) {
  switch (step) {
    case VmmStep::read_trap:
      return "read the trap's frame";
    case VmmStep::decide:
      return "decide: the guest kernel's to handle";
    case VmmStep::copy_context:
      return "copy the context to the guest kernel's stack";
    case VmmStep::enter_handler:
      return "set RSP, SS and CS:RIP to the guest's handler";
    case VmmStep::read_guest_frame:
      return "read the guest's iret frame";
    case VmmStep::return_to_guest:
      return "return to the interrupted code";
    case VmmStep::emulate:
      return "emulate";
    case VmmStep::hypercall:
      return "hypercall";
    case VmmStep::inject:
      return "inject the interrupt";
    case VmmStep::drop_second_delivery:
      return "drop an interrupt that was delivered twice";
  }
  return {};
}

std::string_view instruction_name(PrivilegedInstruction instruction) {
  constexpr std::string_view kNames[] = {
      {},      "iretq", "sysret", "cli",    "sti",         "hlt",       "in",          "out",
      "rdmsr", "wrmsr", "swapgs", "invlpg", "mov from CR", "mov to CR", "mov from DR", "mov to DR",
      "lgdt",  "lidt",  "lldt",   "ltr",    "clts",        "lmsw",      "wbinvd",      "invd"};
  const auto index = static_cast<std::size_t>(instruction);
  return index < std::size(kNames) ? kNames[index] : std::string_view{};
}

std::string step_kind_name(VmmStep step, std::uint16_t vector) {
  const auto with = [step](std::string_view name, std::uint16_t number) {
    return name.empty() ? fmt::format("{} {:#x}", step_name(step), number)
                        : fmt::format("{} {}", step_name(step), name);
  };
  if (step == VmmStep::emulate)
    return with(instruction_name(static_cast<PrivilegedInstruction>(vector)), vector);
  if (step == VmmStep::hypercall) return with(hypercall_name(vector), vector);
  const auto name = step_name(step);
  return name.empty() ? fmt::format("step {}", static_cast<unsigned>(step)) : std::string(name);
}

std::string describe_step(VmmStep step, std::uint16_t vector, std::uint64_t arg) {
  std::string kind = step_kind_name(step, vector);
  switch (step) {
    case VmmStep::emulate:
      switch (static_cast<PrivilegedInstruction>(vector)) {
        case PrivilegedInstruction::in:
        case PrivilegedInstruction::out:
        case PrivilegedInstruction::rdmsr:
        case PrivilegedInstruction::wrmsr:
          return fmt::format("{} {:#x}", kind, arg);
        default:
          return kind;
      }
    case VmmStep::hypercall:
      if (vector == GUEST_HYPERCALL_PORT_WRITE || vector == GUEST_HYPERCALL_PORT_READ)
        return fmt::format("{} {:#x}", kind, arg);
      return kind;
    case VmmStep::read_trap:
    case VmmStep::decide:
    case VmmStep::inject:
    case VmmStep::drop_second_delivery:
      return fmt::format("{} ({:#x})", kind, vector);
    default:
      return kind;
  }
}

}  // namespace trapline::vmm
