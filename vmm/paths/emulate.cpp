// emulate: textbook full virtualization. The kernel is the one of hvm, byte for byte, but runs at CPL 1.
// Every trap lands in the monitor and from there in the VMM, which decides that it is the guest kernel's,
// copies the context to the guest kernel's stack, sets RSP, SS and CS:RIP to the guest's handler, and
// resumes. The kernel's iret, cli, sti, hlt, lidt, mov cr3, ... trap back: they are decoded and emulated
// here.
//
// IRET needs no privilege and would not trap. It does because the segments that its frames name cannot be
// loaded: the user's is absent (#NP), the kernel's is more privileged than the kernel is (#GP).
#include "vmm/paths/emulate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "vmm/irqchip/user_irqchip.h"
#include "vmm/paths/hardware_kernel.h"
#include "vmm/paths/monitor.h"
#include "vmm/paths/virtual_processor.h"
#include "vmm/x86/privileged.h"

namespace trapline::vmm {

namespace {

using x86::PrivilegedOperation;

constexpr unsigned kInvalidOpcode = 6;
constexpr unsigned kNotPresent = 11;
constexpr unsigned kGeneralProtection = 13;
constexpr std::uint64_t kTaskSwitched = 1u << 3;  // CR0.TS
constexpr std::byte kHltOpcode{0xf4};

bool may_be_privileged_instruction(const guest_monitor_frame& frame) {
  return x86::privilege_of(frame.cs) == 1 && (frame.vector == kGeneralProtection ||
                                              frame.vector == kNotPresent || frame.vector == kInvalidOpcode);
}

// EDX:EAX, as RDMSR and WRMSR have it.
constexpr unsigned kHalfBits = 32;
constexpr std::uint64_t kLowHalf = 0xffffffff;

class Emulate final : public DeliveryPath {
 public:
  [[nodiscard]] Ownership ownership() const override {
    return {.gate = Owner::guest_kernel,
            .stack_switch = Owner::vmm,
            .iret = Owner::vmm,
            .interrupt_flag = Owner::vmm};
  }

  [[nodiscard]] std::optional<std::string> cannot_run(guest_workload workload) const override {
    if (workload == GUEST_WORKLOAD_DEVICE_IRQFD) return std::string(kNoIrqfdInUserSpace);
    if (workload == GUEST_WORKLOAD_HYPERCALL)
      return "a fully virtualized kernel knows of no hypervisor that it could call";
    return std::nullopt;
  }

  [[nodiscard]] Status prepare_vm(const Vm& /*vm*/) override { return {}; }

  // The kernel's own tables, which hardware never sees, and hardware's.
  [[nodiscard]] Status write_tables(const GuestMemory& memory, const KernelImage& image,
                                    std::uint32_t vcpus) override {
    TRAPLINE_TRY(write_hardware_tables(memory, image, vcpus));
    return write_monitor_tables(memory, vcpus,
                                {.stubs = image.header.monitor_exit_stubs, .user_segment_traps = true});
  }

  void initial_state(const KernelImage& image, std::uint64_t page_table_root, std::uint32_t vcpu,
                     VcpuState& state) const override {
    set_deprivileged_state(image, page_table_root, vcpu, image.header.monitor_syscall_exit, state);
  }
  [[nodiscard]] Status prepare_vcpu(std::uint32_t /*index*/, const Vcpu& vcpu) override {
    return prepare_deprivileged_vcpu(vcpu);
  }

  [[nodiscard]] Status start(const PathSurroundings& surroundings) override {
    surroundings_.emplace(surroundings);
    irqchip_.emplace(surroundings.vcpus, surroundings.kick, surroundings.raised);
    processors_.assign(surroundings.vcpus, VirtualProcessor{});
    for (std::uint32_t i = 0; i < surroundings.vcpus; ++i) {
      processors_[i].cr3 = surroundings.page_table_root;
      processors_[i].tss = GUEST_TSS(std::uint64_t{i});
      processors_[i].lstar = surroundings.image.header.syscall_entry;
    }
    return {};
  }
  void stop() override { irqchip_.reset(); }

  [[nodiscard]] Status before_entry(const PathVcpu& vcpu) override {
    if (processors_[vcpu.index].interrupt_shadow) {
      vcpu.cpu.run_state().request_interrupt_window = 0;
      return {};
    }
    TRAPLINE_ASSIGN(injected, irqchip_->inject(vcpu.index, vcpu.cpu));
    if (!injected) return {};
    processors_[vcpu.index].injected = injected;
    vcpu.steps.done(VmmStep::inject, *injected);
    return {};
  }

  [[nodiscard]] ExitOutcome handle_exit(const PathVcpu& vcpu) override {
    kvm_run& run = vcpu.cpu.run_state();
    if (is_monitor_call(run)) return handle_trap(vcpu);
    if (run.exit_reason == KVM_EXIT_MMIO && irqchip_->handle_mmio(run)) return ExitOutcome::resume();
    if (run.exit_reason == KVM_EXIT_IRQ_WINDOW_OPEN) return ExitOutcome::resume();
    return ExitOutcome::not_mine();
  }

  [[nodiscard]] Result<bool> sleeps_for_good(const PathVcpu& vcpu, bool in_vmm) const override {
    return in_vmm && !irqchip_->may_interrupt(vcpu.index);
  }
  [[nodiscard]] std::vector<std::uint64_t> interrupt_entries(const KernelImage& image,
                                                             std::uint32_t vcpu) const override {
    return lapic_entries(image.header.monitor_exit_stubs, GUEST_STUB_BYTES, vcpu);
  }

  [[nodiscard]] bool should_wake(std::uint32_t vcpu) const override { return irqchip_->has_pending(vcpu); }

  [[nodiscard]] Status raise(const PathSurroundings& surroundings, RaiseKind kind) override {
    raise_in_user_space(*irqchip_, surroundings.raised, kind);
    return {};
  }

 private:
  // One trap, from the exit on: what it works on.
  struct Trap {
    const PathVcpu& vcpu;
    VirtualProcessor& processor;
    x86::AddressSpace space;
    guest_monitor_frame frame;
  };

  ExitOutcome handle_trap(const PathVcpu& vcpu) {
    const GuestMemory& memory = surroundings_->memory;
    VirtualProcessor& processor = processors_[vcpu.index];
    if (const auto again = second_delivery(memory, vcpu.index, vcpu.cpu.registers().rsp)) {
      vcpu.steps.done(VmmStep::drop_second_delivery, again->vector, again->rip);
      return ExitOutcome::resume();
    }
    processor.interrupt_shadow = false;
    auto frame = read_monitor_frame(memory, vcpu.index, vcpu.cpu.registers().rsp);
    if (!frame) return ExitOutcome::crashed(frame.error().what);
    vcpu.steps.done(VmmStep::read_trap, frame->vector, frame->rip);
    // One that was not injected, or has come already: the kernel would get it with its interrupts off.
    if (is_interrupt(frame->vector) && std::exchange(processor.injected, std::nullopt) != frame->vector) {
      vcpu.steps.done(VmmStep::drop_second_delivery, frame->vector, frame->rip);
      return ExitOutcome::resume();
    }
    Trap trap{vcpu, processor, {memory.bytes(), processor.cr3}, *frame};
    ExitOutcome outcome = dispatch(trap);
    if (const Status written = write_monitor_frame(memory, vcpu.index, trap.frame); !written)
      return ExitOutcome::crashed(written.error().what);
    return outcome;
  }

  ExitOutcome dispatch(Trap& trap) {
    if (trap.frame.vector == GUEST_VECTOR_SYSCALL) return enter_syscall(trap);
    if (may_be_privileged_instruction(trap.frame)) {
      std::array<std::byte, x86::kMaxInstructionBytes> code;
      const auto bytes = read_code(trap, code);
      kvm_regs regs = trap.vcpu.cpu.registers();
      regs.rsp = trap.frame.rsp;  // KVM's is the monitor's
      if (const auto operation = x86::decode_privileged(bytes, trap.frame.rip, regs))
        return emulate(trap, *operation);
    }
    return deliver(trap, error_code_of(trap.frame));
  }

  // Up to the end of what is mapped.
  static std::span<const std::byte> read_code(const Trap& trap,
                                              std::array<std::byte, x86::kMaxInstructionBytes>& code) {
    std::size_t bytes = code.size();
    while (bytes != 0 && !x86::read_bytes(trap.space, trap.frame.rip, std::span(code).first(bytes)))
      --bytes;
    return std::span(code).first(bytes);
  }

  // ---- The trap is the guest kernel's
  // ----------------------------------------------------------------------

  static void enter_kernel(Trap& trap, std::uint64_t handler, std::uint64_t rflags) {
    trap.frame.rip = handler;
    trap.frame.cs = GUEST_DEPRIVILEGED_CS;
    trap.frame.ss = GUEST_DEPRIVILEGED_SS;
    trap.frame.rflags = rflags;
  }

  static ExitOutcome deliver(Trap& trap, std::optional<std::uint64_t> error_code) {
    guest_monitor_frame& frame = trap.frame;
    StepLog& steps = trap.vcpu.steps;
    const auto vector = static_cast<unsigned>(frame.vector);
    const auto gate = x86::read_gate(trap.space, trap.processor.idt, vector);
    if (!gate) return ExitOutcome::crashed(undeliverable(frame, gate.error().what));
    std::uint64_t rsp = frame.rsp;
    if (from_user(frame)) {
      const auto tss = x86::read_object<x86::TaskStateSegment>(trap.space, trap.processor.tss);
      if (!tss)
        return ExitOutcome::crashed(fmt::format("the TSS at {:#x} is not mapped", trap.processor.tss));
      rsp = tss->rsp[0];
    }
    steps.done(VmmStep::decide, vector, gate->handler);

    // As hardware would have pushed it, had the kernel the privilege that it believes to have.
    x86::HardwareFrame saved = hardware_frame(frame);
    saved.cs = from_user(frame) ? GUEST_USER_CS : GUEST_KERNEL_CS;
    saved.ss = from_user(frame) ? GUEST_USER_SS : GUEST_KERNEL_SS;
    saved.rflags &= ~(x86::kRflagsResume | x86::kRflagsTrap);
    const auto new_rsp = x86::push_frame(trap.space, rsp, saved, error_code);
    if (!new_rsp) return ExitOutcome::crashed(undeliverable(frame, new_rsp.error().what));
    steps.done(VmmStep::copy_context, vector, *new_rsp);

    const bool interrupts = (frame.rflags & x86::kRflagsInterrupt) != 0 && !gate->clears_interrupt_flag;
    enter_kernel(trap, gate->handler, x86::handler_flags(frame.rflags, interrupts));
    frame.rsp = *new_rsp;
    steps.done(VmmStep::enter_handler, vector, gate->handler);
    return ExitOutcome::resume();
  }

  // SYSCALL switches no stack and pushes nothing: RCX and R11 are as hardware has left them.
  static ExitOutcome enter_syscall(Trap& trap) {
    trap.vcpu.steps.done(VmmStep::decide, GUEST_VECTOR_SYSCALL, trap.processor.lstar);
    enter_kernel(trap, trap.processor.lstar, x86::handler_flags(trap.frame.rflags, false));
    trap.vcpu.steps.done(VmmStep::enter_handler, GUEST_VECTOR_SYSCALL, trap.processor.lstar);
    return ExitOutcome::resume();
  }

  // ---- The kernel wanted to execute a privileged instruction
  // --------------------------------------------------

  ExitOutcome emulate(Trap& trap, const PrivilegedOperation& operation) {
    using enum PrivilegedInstruction;
    guest_monitor_frame& frame = trap.frame;
    if (operation.instruction == iret) return emulate_iret(trap);
    if (operation.instruction == sysret) return emulate_sysret(trap);
    const std::uint64_t at = frame.rip;
    frame.rip += operation.length;
    frame.rflags &= ~x86::kRflagsResume;
    ExitOutcome outcome;
    std::uint64_t key = 0;
    std::uint16_t counts = GUEST_COUNT_NONE;
    bool done = true;
    switch (operation.instruction) {
      case cli:
        frame.rflags &= ~x86::kRflagsInterrupt;
        break;
      case sti:
        frame.rflags |= x86::kRflagsInterrupt;
        trap.processor.interrupt_shadow = next_is_hlt(trap);
        break;
      case hlt:
        outcome = ExitOutcome::halt();
        counts = GUEST_COUNT_HLT;
        break;
      case in:
      case out:
        key = operation.port;
        counts = GUEST_COUNT_IO;
        if (!access_port(trap, operation))
          outcome = ExitOutcome::crashed(fmt::format("port {:#x} has no device", operation.port));
        break;
      case rdmsr:
      case wrmsr:
        key = trap.vcpu.cpu.registers().rcx & kLowHalf;
        counts = GUEST_COUNT_MSR;
        done = operation.instruction == wrmsr ? write_msr(trap) : read_msr(trap);
        break;
      case invlpg:
        done = flush(trap, surroundings_->image.header.monitor_flush_page, operation.address.value_or(0));
        break;
      case read_control:
        done = read_control_register(trap, operation);
        break;
      case write_control:
        done = write_control_register(trap, operation);
        break;
      case read_debug:
        set_register(trap, operation, trap.processor.debug[operation.special_register % 8]);
        break;
      case write_debug:
        trap.processor.debug[operation.special_register % 8] = register_value(trap, operation);
        break;
      case lgdt:
        done = load_table(trap, operation, trap.processor.gdt);
        break;
      case lidt:
        done = load_table(trap, operation, trap.processor.idt);
        break;
      case ltr:
        done = load_task_register(trap, operation);
        break;
      case swapgs:
        done = exchange_gs(trap);
        break;
      case clts:
        trap.processor.cr0 &= ~kTaskSwitched;
        break;
      default:  // lldt, lmsw, wbinvd, invd: nothing that this guest could tell
        break;
    }
    if (!done) {  // as the processor would answer
      frame.rip = at;
      frame.vector = kGeneralProtection;
      return deliver(trap, 0);
    }
    trap.vcpu.steps.done(VmmStep::emulate, static_cast<std::uint64_t>(operation.instruction), key, counts);
    return outcome;
  }

  static bool next_is_hlt(const Trap& trap) {
    const auto next = x86::read_object<std::byte>(trap.space, trap.frame.rip);
    return next && *next == kHltOpcode;
  }

  static ExitOutcome emulate_iret(Trap& trap) {
    guest_monitor_frame& frame = trap.frame;
    const auto target = x86::pop_frame(trap.space, frame.rsp);
    if (!target) return ExitOutcome::crashed("the kernel's iret: " + target.error().what);
    trap.vcpu.steps.done(VmmStep::read_guest_frame, 0, frame.rsp);
    const bool to_user = target->cs == GUEST_USER_CS;
    if (!to_user && target->cs != GUEST_KERNEL_CS) {
      return ExitOutcome::crashed(fmt::format(
          "the kernel's iret: its frame names CS {:#x}, which is neither user's nor kernel's", target->cs));
    }
    frame.rip = target->rip;
    frame.rsp = target->rsp;
    frame.cs = to_user ? GUEST_HIDDEN_USER_CS : GUEST_DEPRIVILEGED_CS;
    frame.ss = to_user ? GUEST_USER_SS : GUEST_DEPRIVILEGED_SS;
    frame.rflags = x86::deprivileged_flags(target->rflags, (target->rflags & x86::kRflagsInterrupt) != 0);
    trap.vcpu.steps.done(VmmStep::return_to_guest, 0, frame.rip);
    return ExitOutcome::resume();
  }

  static ExitOutcome emulate_sysret(Trap& trap) {
    const kvm_regs& regs = trap.vcpu.cpu.registers();
    if (!x86::is_canonical(regs.rcx))
      return ExitOutcome::crashed("the kernel's sysret: RCX is not canonical");
    guest_monitor_frame& frame = trap.frame;
    frame.rip = regs.rcx;
    frame.cs = GUEST_HIDDEN_USER_CS;
    frame.ss = GUEST_USER_SS;
    frame.rflags = x86::deprivileged_flags(regs.r11, (regs.r11 & x86::kRflagsInterrupt) != 0);
    trap.vcpu.steps.done(VmmStep::return_to_guest, GUEST_VECTOR_SYSCALL, frame.rip);
    return ExitOutcome::resume();
  }

  // ---- Instruction by instruction; false: it is a #GP
  // ---------------------------------------------------------

  static std::uint64_t register_value(const Trap& trap, const PrivilegedOperation& operation) {
    return x86::general_register(trap.vcpu.cpu.registers(), operation.general_register.value_or(0));
  }
  static void set_register(const Trap& trap, const PrivilegedOperation& operation, std::uint64_t value) {
    x86::set_general_register(trap.vcpu.cpu.registers(), operation.general_register.value_or(0), value);
    trap.vcpu.cpu.registers_changed();
  }

  static bool access_port(const Trap& trap, const PrivilegedOperation& operation) {
    kvm_regs& regs = trap.vcpu.cpu.registers();
    constexpr unsigned kBitsPerByte = 8;
    const std::uint64_t mask =
        operation.width >= 4 ? kLowHalf : (std::uint64_t{1} << operation.width * kBitsPerByte) - 1;
    if (operation.instruction == PrivilegedInstruction::out) {
      return trap.vcpu.ports.write(operation.port, operation.width,
                                   static_cast<std::uint32_t>(regs.rax & mask));
    }
    const auto value = trap.vcpu.ports.read(operation.port, operation.width);
    if (!value) return false;
    regs.rax = operation.width >= 4 ? *value : (regs.rax & ~mask) | (*value & mask);
    trap.vcpu.cpu.registers_changed();
    return true;
  }

  bool write_msr(const Trap& trap) {
    const kvm_regs& regs = trap.vcpu.cpu.registers();
    const auto index = static_cast<std::uint32_t>(regs.rcx);
    const std::uint64_t value = regs.rdx << kHalfBits | (regs.rax & kLowHalf);
    if (irqchip_->write_msr(trap.vcpu.index, index, value)) return true;
    std::uint64_t* const own = trap.processor.msr(index);
    if (own != nullptr) *own = value;
    return own != nullptr;
  }

  bool read_msr(const Trap& trap) {
    kvm_regs& regs = trap.vcpu.cpu.registers();
    const auto index = static_cast<std::uint32_t>(regs.rcx);
    auto value = irqchip_->read_msr(trap.vcpu.index, index);
    if (const std::uint64_t* const own = trap.processor.msr(index); !value && own != nullptr) value = *own;
    if (!value) return false;
    regs.rax = *value & kLowHalf;
    regs.rdx = *value >> kHalfBits;
    trap.vcpu.cpu.registers_changed();
    return true;
  }

  // What only ring 0 of the VM can do: the monitor does it on its way back.
  bool flush(Trap& trap, std::uint64_t routine, std::uint64_t argument) const {
    return static_cast<bool>(
        run_in_monitor(surroundings_->memory, trap.vcpu.index, routine, argument, trap.frame));
  }

  bool read_control_register(const Trap& trap, const PrivilegedOperation& operation) const {
    switch (operation.special_register) {
      case 0:
        set_register(trap, operation, trap.processor.cr0);
        return true;
      case 2: {
        const auto address = faulting_address(surroundings_->memory, trap.vcpu.index);
        if (address) set_register(trap, operation, *address);
        return static_cast<bool>(address);
      }
      case 3:
        set_register(trap, operation, trap.processor.cr3);
        return true;
      case 4:
        set_register(trap, operation, trap.processor.cr4);
        return true;
      case 8:
        set_register(trap, operation, trap.processor.cr8);
        return true;
      default:
        return false;
    }
  }

  // CR0 and CR4 are kept for the kernel to read back: it runs in long mode with paging, and stays there.
  bool write_control_register(Trap& trap, const PrivilegedOperation& operation) const {
    const std::uint64_t value = register_value(trap, operation);
    switch (operation.special_register) {
      case 0:
        trap.processor.cr0 = value;
        return true;
      case 3:
        trap.processor.cr3 = value;
        return flush(trap, surroundings_->image.header.monitor_load_cr3, value);
      case 4:
        trap.processor.cr4 = value;
        return true;
      case 8:
        trap.processor.cr8 = value;
        return true;
      default:
        return false;
    }
  }

  static bool load_table(const Trap& trap, const PrivilegedOperation& operation,
                         x86::DescriptorTable& table) {
    struct [[gnu::packed]] Operand {
      std::uint16_t limit;
      std::uint64_t base;
    };
    if (!operation.address) return false;
    const auto operand = x86::read_object<Operand>(trap.space, *operation.address);
    if (!operand) return false;
    table = {operand->base, operand->limit};
    return true;
  }

  // The base of a TSS descriptor: AMD APM vol. 2, figure 4-22.
  static bool load_task_register(const Trap& trap, const PrivilegedOperation& operation) {
    constexpr std::uint64_t kSelectorMask = 0xfff8;
    std::uint64_t selector = register_value(trap, operation);
    if (operation.address) {
      const auto operand = x86::read_object<std::uint16_t>(trap.space, *operation.address);
      if (!operand) return false;
      selector = *operand;
    }
    selector &= kSelectorMask;
    if (selector == 0 || selector + 15 > trap.processor.gdt.limit) return false;
    const auto descriptor =
        x86::read_object<std::array<std::uint64_t, 2>>(trap.space, trap.processor.gdt.base + selector);
    if (!descriptor) return false;
    const auto [low, high] = *descriptor;
    trap.processor.tss = (low >> 16 & 0xff'ffff) | (low >> 56 & 0xff) << 24 | high << kHalfBits;
    return true;
  }

  static bool exchange_gs(const Trap& trap) {
    auto sregs = trap.vcpu.cpu.sregs();
    if (!sregs) return false;
    const std::uint64_t base = sregs->gs.base;
    sregs->gs.base = trap.processor.kernel_gs;
    trap.processor.kernel_gs = base;
    return static_cast<bool>(trap.vcpu.cpu.set_sregs(*sregs));
  }

  std::optional<PathSurroundings> surroundings_;  // from start() on
  std::optional<UserIrqchip> irqchip_;            // while it runs
  std::vector<VirtualProcessor> processors_;
};

}  // namespace

std::unique_ptr<DeliveryPath> make_emulate() {
  return std::make_unique<Emulate>();
}

}  // namespace trapline::vmm
