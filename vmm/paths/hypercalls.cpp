#include "vmm/paths/hypercalls.h"

#include <fmt/format.h>

#include "vmm/x86/delivery.h"

namespace trapline::vmm {

namespace {

HypercallResult crash(std::string reason) {
  return {HypercallResult::Then::crash, std::nullopt, std::move(reason)};
}

struct Call {
  std::uint32_t vcpu;
  const HypercallArguments& arguments;
  const x86::AddressSpace& space;
  PvRegistration& registration;
  HypercallServices& services;
};

HypercallResult null(const Call& /*call*/) {
  return {.value = 0};
}

// The table ends with handler 0, and after one entry for each vector at the latest.
HypercallResult set_trap_table(const Call& call) {
  PvRegistration changed = call.registration;
  for (std::uint64_t i = 0; i < GUEST_MONITOR_TRAPS; ++i) {
    const std::uint64_t at = call.arguments.first + i * sizeof(guest_trap_info);
    const auto info = x86::read_object<guest_trap_info>(call.space, at);
    if (!info) return crash(fmt::format("hypercall set_trap_table: the table at {:#x} is not mapped", at));
    if (info->handler == 0) break;
    if (info->vector >= GUEST_VECTOR_SYSCALL || !x86::is_canonical(info->handler)) {
      return crash(fmt::format("hypercall set_trap_table: vector {:#x}, handler {:#x} cannot be",
                               info->vector, info->handler));
    }
    changed.traps[info->vector] = info->handler;
  }
  call.registration = changed;
  call.services.registration_changed(call.vcpu, call.registration);
  return {.value = 0};
}

HypercallResult stack_switch(const Call& call) {
  call.registration.kernel_rsp = call.arguments.first;
  call.services.registration_changed(call.vcpu, call.registration);
  return {.value = 0};
}

HypercallResult set_callbacks(const Call& call) {
  if (!x86::is_canonical(call.arguments.first) || !x86::is_canonical(call.arguments.second))
    return crash("hypercall set_callbacks: an address that is not canonical");
  call.registration.traps[GUEST_VECTOR_EVENT] = call.arguments.first;
  call.registration.traps[GUEST_VECTOR_SYSCALL] = call.arguments.second;
  call.services.registration_changed(call.vcpu, call.registration);
  return {.value = 0};
}

HypercallResult set_timer(const Call& call) {
  call.services.set_timer(call.vcpu, call.arguments.first);
  return {.value = 0};
}

HypercallResult block(const Call& /*call*/) {
  return {.then = HypercallResult::Then::block, .value = 0};
}

HypercallResult event_send(const Call& call) {
  if (call.arguments.first > UINT32_MAX ||
      !call.services.send_event(static_cast<std::uint32_t>(call.arguments.first), call.arguments.second)) {
    return crash(fmt::format("hypercall event_send: there is no channel {} of vCPU {}", call.arguments.second,
                             call.arguments.first));
  }
  return {.value = 0};
}

// Whoever unmasked upcalls wants the pending one: it is delivered at the next entry.
HypercallResult event_deliver(const Call& /*call*/) {
  return {.value = 0};
}

bool valid_port_access(const HypercallArguments& arguments) {
  const std::uint64_t bytes = arguments.second;
  return arguments.first <= UINT16_MAX && (bytes == 1 || bytes == 2 || bytes == 4);
}

HypercallResult port_write(const Call& call) {
  const auto& arguments = call.arguments;
  if (!valid_port_access(arguments) ||
      !call.services.write_port(static_cast<std::uint16_t>(arguments.first),
                                static_cast<unsigned>(arguments.second),
                                static_cast<std::uint32_t>(arguments.third))) {
    return crash(fmt::format("hypercall port_write: port {:#x} has no device for {} bytes", arguments.first,
                             arguments.second));
  }
  return {};
}

HypercallResult port_read(const Call& call) {
  const auto& arguments = call.arguments;
  std::optional<std::uint32_t> value;
  if (valid_port_access(arguments)) {
    value = call.services.read_port(static_cast<std::uint16_t>(arguments.first),
                                    static_cast<unsigned>(arguments.second));
  }
  if (!value) {
    return crash(fmt::format("hypercall port_read: port {:#x} has no device for {} bytes", arguments.first,
                             arguments.second));
  }
  return {.value = *value};
}

HypercallResult invalidate_page(const Call& call) {
  call.services.invalidate_page(call.arguments.first);
  return {};
}

using Function = HypercallResult (*)(const Call&);

// GUEST_HYPERCALL_IRET has a vector of its own and is not called by number.
constexpr Function kTable[GUEST_HYPERCALL_COUNT] = {
    null,  set_trap_table, stack_switch,  set_callbacks, nullptr,   set_timer,
    block, event_send,     event_deliver, port_write,    port_read, invalidate_page,
};
static_assert(kTable[GUEST_HYPERCALL_INVALIDATE_PAGE] == invalidate_page &&
              kTable[GUEST_HYPERCALL_IRET] == nullptr && kTable[GUEST_HYPERCALL_BLOCK] == block);

}  // namespace

HypercallResult do_hypercall(std::uint32_t vcpu, const HypercallArguments& arguments,
                             const x86::AddressSpace& space, PvRegistration& registration,
                             HypercallServices& services) {
  if (arguments.number >= GUEST_HYPERCALL_COUNT || kTable[arguments.number] == nullptr)
    return crash(fmt::format("there is no hypercall {}", arguments.number));
  return kTable[arguments.number]({vcpu, arguments, space, registration, services});
}

}  // namespace trapline::vmm
