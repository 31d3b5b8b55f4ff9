#include "vmm/paths/monitor.h"

#include <fmt/format.h>

#include "vmm/machine/boot.h"
#include "vmm/paths/hardware_kernel.h"
#include "vmm/x86/frames.h"

namespace trapline::vmm {

namespace {

constexpr unsigned kMonitorPrivilege = 0;
constexpr unsigned kKernelPrivilege = 1;
constexpr unsigned kUserPrivilege = 3;
constexpr unsigned kBreakpoint = 3;
constexpr unsigned kOverflow = 4;

Status write_gdt(const GuestMemory& memory, bool user_segment_traps) {
  TRAPLINE_ASSIGN(gdt, memory.at(GUEST_MONITOR_GDT, GUEST_GDT_BYTES));
  const auto tss = x86::tss_descriptor(GUEST_MONITOR_TSS(0), sizeof(x86::TaskStateSegment) - 1);
  const auto user_code =
      user_segment_traps ? x86::absent_code_segment(kUserPrivilege) : x86::code_segment(kUserPrivilege);
  const bool fits = x86::put_descriptor(gdt, GUEST_KERNEL_CS, x86::code_segment(kMonitorPrivilege)) &&
                    x86::put_descriptor(gdt, GUEST_KERNEL_SS, x86::data_segment(kMonitorPrivilege)) &&
                    x86::put_descriptor(gdt, GUEST_USER_SS, x86::data_segment(kUserPrivilege)) &&
                    x86::put_descriptor(gdt, GUEST_USER_CS, user_code) &&
                    x86::put_descriptor(gdt, GUEST_DEPRIVILEGED_CS, x86::code_segment(kKernelPrivilege)) &&
                    x86::put_descriptor(gdt, GUEST_DEPRIVILEGED_SS, x86::data_segment(kKernelPrivilege)) &&
                    x86::put_descriptor(gdt, GUEST_HIDDEN_USER_CS, x86::code_segment(kUserPrivilege)) &&
                    x86::put_descriptor(gdt, GUEST_TSS_SELECTOR, tss[0]) &&
                    x86::put_descriptor(gdt, GUEST_TSS_SELECTOR + 8, tss[1]);
  if (!fits) return fail("the monitor's GDT is too small for its selectors");
  return {};
}

}  // namespace

unsigned gate_privilege(unsigned vector) {
  switch (vector) {
    case kBreakpoint:
    case kOverflow:
    case GUEST_VECTOR_INT80:
      return kUserPrivilege;
    case GUEST_VECTOR_HYPERCALL:
    case GUEST_VECTOR_PV_IRET:
      return kKernelPrivilege;
    default:
      return kMonitorPrivilege;
  }
}

Status set_gate(const GuestMemory& memory, std::uint8_t vector, const x86::Gate& gate) {
  TRAPLINE_ASSIGN(idt, memory.at(GUEST_MONITOR_IDT, GUEST_IDT_BYTES));
  x86::put_gate(idt, vector, gate);
  return {};
}

Status write_monitor_tables(const GuestMemory& memory, std::uint32_t vcpus, const MonitorTables& tables) {
  TRAPLINE_TRY(write_gdt(memory, tables.user_segment_traps));
  for (unsigned vector = 0; vector < GUEST_IDT_BYTES / sizeof(x86::Gate); ++vector) {
    TRAPLINE_TRY(set_gate(memory, static_cast<std::uint8_t>(vector),
                          x86::interrupt_gate(tables.stubs + std::uint64_t{vector} * GUEST_STUB_BYTES,
                                              GUEST_KERNEL_CS, gate_privilege(vector))));
  }
  for (std::uint64_t vcpu = 0; vcpu < vcpus; ++vcpu) {
    x86::TaskStateSegment tss;
    tss.rsp[kMonitorPrivilege] = GUEST_MONITOR_STACK_TOP(vcpu);
    tss.rsp[kKernelPrivilege] = GUEST_KERNEL_STACK_TOP(vcpu);
    TRAPLINE_TRY(memory.write(GUEST_MONITOR_TSS(vcpu), tss));
    guest_monitor_state state{};
    state.events = GUEST_EVENTS(vcpu);
    state.kernel_rsp = GUEST_KERNEL_STACK_TOP(vcpu);
    TRAPLINE_TRY(memory.write(GUEST_MONITOR_STATE(vcpu), state));
    guest_events events{};
    events.upcall_mask = 1;
    TRAPLINE_TRY(memory.write(GUEST_EVENTS(vcpu), events));
  }
  return {};
}

void set_deprivileged_state(const KernelImage& image, std::uint64_t page_table_root, std::uint32_t vcpu,
                            std::uint64_t syscall_entry, VcpuState& state) {
  set_long_mode(state.sregs, {.page_table_root = page_table_root,
                              .cpl = kKernelPrivilege,
                              .code_selector = GUEST_DEPRIVILEGED_CS,
                              .stack_selector = GUEST_DEPRIVILEGED_SS,
                              .gdt = GUEST_MONITOR_GDT,
                              .idt = GUEST_MONITOR_IDT,
                              .tss = GUEST_MONITOR_TSS(std::uint64_t{vcpu}),
                              .first_vcpu = vcpu == 0});
  set_entry_registers(image, vcpu, syscall_entry, state);
}

Status prepare_deprivileged_vcpu(const Vcpu& vcpu) {
  vcpu.keep_registers_in_run_state();
  return {};
}

bool is_monitor_call(const kvm_run& run) {
  return run.exit_reason == KVM_EXIT_IO && run.io.direction == KVM_EXIT_IO_OUT &&
         run.io.port == GUEST_PORT_MONITOR;
}

Result<guest_monitor_frame> read_monitor_frame(const GuestMemory& memory, std::uint32_t vcpu,
                                               std::uint64_t rsp) {
  const std::uint64_t expected = GUEST_MONITOR_STACK_TOP(std::uint64_t{vcpu}) - sizeof(guest_monitor_frame);
  if (rsp == expected) return memory.read<guest_monitor_frame>(expected);
  const auto frame = memory.read<guest_monitor_frame>(rsp);
  if (!frame) return fail(fmt::format("the monitor called with its stack at {:#x}", rsp));
  return fail(fmt::format("the monitor itself trapped: vector {:#x}, error code {:#x}, at {:#x}",
                          frame->vector, frame->error_code, frame->rip));
}

bool is_interrupt(std::uint64_t vector) {
  constexpr std::uint64_t kExceptions = 32;
  return vector >= kExceptions && vector < GUEST_VECTOR_SYSCALL && vector != GUEST_VECTOR_INT80 &&
         vector != GUEST_VECTOR_HYPERCALL && vector != GUEST_VECTOR_PV_IRET;
}

std::optional<RepeatedInterrupt> second_delivery(const GuestMemory& memory, std::uint32_t vcpu,
                                                 std::uint64_t rsp) {
  if (rsp == GUEST_MONITOR_STACK_TOP(std::uint64_t{vcpu}) - sizeof(guest_monitor_frame)) return std::nullopt;
  const auto frame = memory.read<guest_monitor_frame>(rsp);
  if (!frame || !is_interrupt(frame->vector) || x86::privilege_of(frame->cs) != kMonitorPrivilege)
    return std::nullopt;
  return RepeatedInterrupt{static_cast<std::uint16_t>(frame->vector), frame->rip};
}

Status write_monitor_frame(const GuestMemory& memory, std::uint32_t vcpu, const guest_monitor_frame& frame) {
  return memory.write(GUEST_MONITOR_STACK_TOP(std::uint64_t{vcpu}) - sizeof frame, frame);
}

Status run_in_monitor(const GuestMemory& memory, std::uint32_t vcpu, std::uint64_t routine,
                      std::uint64_t argument, guest_monitor_frame& frame) {
  const std::uint64_t state = GUEST_MONITOR_STATE(std::uint64_t{vcpu});
  const std::uint64_t resume = state + offsetof(guest_monitor_state, resume);
  TRAPLINE_TRY(memory.write(state + offsetof(guest_monitor_state, flush), argument));
  TRAPLINE_TRY(memory.write(resume, hardware_frame(frame)));
  frame.rip = routine;
  frame.cs = GUEST_KERNEL_CS;
  frame.rflags = x86::kRflagsFixed;
  frame.rsp = resume;
  frame.ss = GUEST_KERNEL_SS;
  return {};
}

Result<std::uint64_t> faulting_address(const GuestMemory& memory, std::uint32_t vcpu) {
  return memory.read<std::uint64_t>(GUEST_MONITOR_STATE(std::uint64_t{vcpu}) +
                                    offsetof(guest_monitor_state, cr2));
}

std::optional<std::uint64_t> error_code_of(const guest_monitor_frame& frame) {
  constexpr unsigned kExceptions = 32;
  if (frame.vector >= kExceptions || !x86::pushes_error_code(static_cast<unsigned>(frame.vector)))
    return std::nullopt;
  return frame.error_code;
}

std::string undeliverable(const guest_monitor_frame& frame, std::string_view why) {
  const auto name = frame.vector < GUEST_VECTOR_SYSCALL
                        ? x86::exception_mnemonic(static_cast<unsigned>(frame.vector))
                        : std::string_view("SYSCALL");
  return fmt::format("vector {:#x}{} at {:#x} cannot be delivered: {}", frame.vector,
                     name.empty() ? "" : fmt::format(" ({})", name), frame.rip, why);
}

}  // namespace trapline::vmm
