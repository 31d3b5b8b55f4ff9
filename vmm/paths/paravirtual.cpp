#include "vmm/paths/paravirtual.h"

#include <fmt/format.h>

#include <chrono>

namespace trapline::vmm {

namespace {

constexpr unsigned kPageFault = 14;

bool from_kernel(const guest_monitor_frame& frame) {
  return x86::privilege_of(frame.cs) == 1;
}

// What the kernel counts a hypercall as; a port's key is the first argument.
guest_count_kind counted_as(std::uint64_t number) {
  switch (number) {
    case GUEST_HYPERCALL_NULL:
      return GUEST_COUNT_HYPERCALL;
    case GUEST_HYPERCALL_PORT_WRITE:
    case GUEST_HYPERCALL_PORT_READ:
      return GUEST_COUNT_IO;
    case GUEST_HYPERCALL_BLOCK:
      return GUEST_COUNT_HLT;
    default:
      return GUEST_COUNT_NONE;
  }
}

}  // namespace

// What hypercalls do outside of the kernel's registration.
class ParavirtualPath::Services final : public HypercallServices {
 public:
  Services(ParavirtualPath& path, const PathVcpu& vcpu, guest_monitor_frame& frame)
      : path_(path), vcpu_(vcpu), frame_(frame) {}

  // The monitor has a copy: it delivers traps itself on two of the three paths.
  void registration_changed(std::uint32_t vcpu, const PvRegistration& registration) override {
    const GuestMemory& memory = path_.surroundings_->memory;
    const std::uint64_t state = GUEST_MONITOR_STATE(std::uint64_t{vcpu});
    keep(memory.write(state, registration.traps));
    keep(memory.write(state + offsetof(guest_monitor_state, kernel_rsp), registration.kernel_rsp));
    keep(memory.write(
        GUEST_MONITOR_TSS(std::uint64_t{vcpu}) + offsetof(x86::TaskStateSegment, rsp) + sizeof(std::uint64_t),
        registration.kernel_rsp));  // RSP1: where hardware enters the kernel itself
  }
  void set_timer(std::uint32_t vcpu, std::uint64_t ns) override {
    constexpr std::uint64_t kLongest = std::uint64_t{1} << 62;
    path_.vcpus_[vcpu].timer->arm(std::chrono::nanoseconds(std::min(ns, kLongest)));
  }
  bool send_event(std::uint32_t vcpu, std::uint64_t channel) override {
    if (vcpu >= path_.vcpus_.size() || channel >= GUEST_CHANNELS) return false;
    path_.raise_event(vcpu, static_cast<unsigned>(channel));
    return true;
  }
  bool write_port(std::uint16_t port, unsigned bytes, std::uint32_t value) override {
    return vcpu_.ports.write(port, bytes, value);
  }
  std::optional<std::uint32_t> read_port(std::uint16_t port, unsigned bytes) override {
    return vcpu_.ports.read(port, bytes);
  }
  void invalidate_page(std::uint64_t gva) override {
    keep(run_in_monitor(path_.surroundings_->memory, vcpu_.index,
                        path_.surroundings_->image.header.monitor_flush_page, gva, frame_));
  }

  [[nodiscard]] const Status& status() const { return status_; }

 private:
  void keep(const Status& status) {
    if (!status && status_) status_ = status;
  }
  ParavirtualPath& path_;
  const PathVcpu& vcpu_;
  guest_monitor_frame& frame_;
  Status status_;
};

std::optional<std::string> ParavirtualPath::cannot_run(guest_workload workload) const {
  switch (workload) {
    case GUEST_WORKLOAD_DEVICE_MSI:
    case GUEST_WORKLOAD_DEVICE_IRQFD:
      return "a paravirtual device has an event channel, which is what 'device' raises here, and no MSI";
    default:
      return std::nullopt;
  }
}

Status ParavirtualPath::prepare_vm(const Vm& /*vm*/) {
  return {};
}

Status ParavirtualPath::prepare_vcpu(std::uint32_t /*index*/, const Vcpu& vcpu) {
  return prepare_deprivileged_vcpu(vcpu);
}

// Interrupts are on to hardware wherever the kernel runs: what holds them off is the upcall mask.
void ParavirtualPath::initial_state(const KernelImage& image, std::uint64_t page_table_root,
                                    std::uint32_t vcpu, VcpuState& state) const {
  set_deprivileged_state(image, page_table_root, vcpu, syscall_entry(image), state);
  state.regs.rflags |= x86::kRflagsInterrupt;
}

Status ParavirtualPath::start(const PathSurroundings& surroundings) {
  surroundings_.emplace(surroundings);
  events_.emplace(surroundings_->memory);
  vcpus_.resize(surroundings.vcpus);
  for (std::uint32_t vcpu = 0; vcpu < surroundings.vcpus; ++vcpu) {
    vcpus_[vcpu].timer = std::make_unique<OneShot>(fmt::format("pv-timer{}", vcpu),
                                                   [this, vcpu] { raise_event(vcpu, GUEST_CHANNEL_TIMER); });
  }
  return {};
}

void ParavirtualPath::stop() {
  vcpus_.clear();
}

void ParavirtualPath::raise_event(std::uint32_t vcpu, unsigned channel) {
  const HostTsc now = read_host_tsc();
  events_->raise(vcpu, channel);
  surroundings_->kick(vcpu);
  surroundings_->raised.add(RaiseKind::event_channel, channel, now);
}

Status ParavirtualPath::raise(const PathSurroundings& /*surroundings*/, RaiseKind /*kind*/) {
  raise_event(0, GUEST_CHANNEL_DEVICE);
  return {};
}

bool ParavirtualPath::should_wake(std::uint32_t vcpu) const {
  return events_->pending(vcpu);
}

// In this order: a timer that expires between the two has its event pending then.
Result<bool> ParavirtualPath::sleeps_for_good(const PathVcpu& vcpu, bool in_vmm) const {
  return in_vmm && !vcpus_[vcpu.index].timer->armed() && !events_->pending(vcpu.index);
}

// ---- Upcalls
// ------------------------------------------------------------------------------------------------

Status ParavirtualPath::before_entry(const PathVcpu& vcpu) {
  VcpuContext& context = vcpus_[vcpu.index];
  const bool in_monitor = std::exchange(context.in_monitor, false);
  vcpu.cpu.run_state().request_interrupt_window = 0;
  if (!events_->deliverable(vcpu.index)) return {};
  return in_monitor ? enter_upcall(vcpu) : inject_upcall(vcpu);
}

Status ParavirtualPath::inject_upcall(const PathVcpu& vcpu) {
  kvm_run& run = vcpu.cpu.run_state();
  const bool ready = run.ready_for_interrupt_injection != 0 && run.if_flag != 0;
  run.request_interrupt_window = ready ? 0 : 1;
  if (!ready) return {};
  TRAPLINE_TRY(vcpu.cpu.interrupt(GUEST_VECTOR_EVENT));
  run.ready_for_interrupt_injection = 0;  // until the next exit says so again
  vcpu.steps.done(VmmStep::inject, GUEST_VECTOR_EVENT);
  return {};
}

Status ParavirtualPath::enter_upcall(const PathVcpu& vcpu) {
  const GuestMemory& memory = surroundings_->memory;
  TRAPLINE_ASSIGN(frame, read_monitor_frame(memory, vcpu.index, vcpu.cpu.registers().rsp));
  if (x86::privilege_of(frame.cs) == 0) return inject_upcall(vcpu);  // the monitor has work of its own first
  frame.vector = GUEST_VECTOR_EVENT;
  const ExitOutcome outcome = enter_handler(vcpu, frame);
  if (outcome.verdict == ExitOutcome::Verdict::crashed) return fail(outcome.reason);
  return write_monitor_frame(memory, vcpu.index, frame);
}

// ---- The monitor's calls
// ------------------------------------------------------------------------------------

ExitOutcome ParavirtualPath::handle_exit(const PathVcpu& vcpu) {
  const kvm_run& run = vcpu.cpu.run_state();
  if (run.exit_reason == KVM_EXIT_IRQ_WINDOW_OPEN) return ExitOutcome::resume();
  if (!is_monitor_call(run)) return ExitOutcome::not_mine();
  const GuestMemory& memory = surroundings_->memory;
  if (const auto again = second_delivery(memory, vcpu.index, vcpu.cpu.registers().rsp)) {
    vcpu.steps.done(VmmStep::drop_second_delivery, again->vector, again->rip);
    return ExitOutcome::resume();
  }
  auto frame = read_monitor_frame(memory, vcpu.index, vcpu.cpu.registers().rsp);
  if (!frame) return ExitOutcome::crashed(frame.error().what);
  vcpu.steps.done(VmmStep::read_trap, frame->vector, frame->rip);
  vcpus_[vcpu.index].in_monitor = true;
  ExitOutcome outcome = dispatch(vcpu, *frame);
  if (const Status written = write_monitor_frame(memory, vcpu.index, *frame); !written)
    return ExitOutcome::crashed(written.error().what);
  return outcome;
}

ExitOutcome ParavirtualPath::dispatch(const PathVcpu& vcpu, guest_monitor_frame& frame) {
  if (frame.vector == GUEST_VECTOR_HYPERCALL && from_kernel(frame)) return hypercall(vcpu, frame);
  if (frame.vector == GUEST_VECTOR_PV_IRET && from_kernel(frame)) return iret(vcpu, frame);
  if (frame.vector == GUEST_VECTOR_EVENT && !events_->deliverable(vcpu.index))
    return ExitOutcome::resume();  // masked meanwhile: it stays pending
  if (frame.vector == kPageFault) {
    const auto address = faulting_address(surroundings_->memory, vcpu.index);
    if (!address) return ExitOutcome::crashed(address.error().what);
    events_->set_faulting_address(vcpu.index, *address);
  }
  return enter_handler(vcpu, frame);
}

ExitOutcome ParavirtualPath::hypercall(const PathVcpu& vcpu, guest_monitor_frame& frame) {
  kvm_regs& regs = vcpu.cpu.registers();
  const HypercallArguments arguments{regs.rax, regs.rdi, regs.rsi, regs.rdx};
  Services services(*this, vcpu, frame);
  const x86::AddressSpace space{surroundings_->memory.bytes(), surroundings_->page_table_root};
  const HypercallResult result =
      do_hypercall(vcpu.index, arguments, space, vcpus_[vcpu.index].registration, services);
  if (!services.status()) return ExitOutcome::crashed(services.status().error().what);
  if (result.then == HypercallResult::Then::crash) return ExitOutcome::crashed(result.reason);
  // Without a result no register is written: that would cost a third of the call.
  if (result.value && *result.value != regs.rax) {
    regs.rax = *result.value;
    vcpu.cpu.registers_changed();
  }
  const guest_count_kind counts = counted_as(arguments.number);
  vcpu.steps.done(VmmStep::hypercall, arguments.number, counts == GUEST_COUNT_IO ? arguments.first : 0,
                  static_cast<std::uint16_t>(counts));
  if (result.then != HypercallResult::Then::block) return ExitOutcome::resume();
  events_->set_masked(vcpu.index, false);
  return ExitOutcome::halt();
}

ExitOutcome ParavirtualPath::enter_handler(const PathVcpu& vcpu, guest_monitor_frame& frame) {
  const PvRegistration& registration = vcpus_[vcpu.index].registration;
  if (frame.vector >= registration.traps.size() || registration.traps[frame.vector] == 0)
    return ExitOutcome::crashed(undeliverable(frame, "the kernel has registered no handler for it"));
  const std::uint64_t handler = registration.traps[frame.vector];
  vcpu.steps.done(VmmStep::decide, frame.vector, handler);

  // The kernel's IF is its upcall mask, the other way round.
  x86::HardwareFrame saved = hardware_frame(frame);
  saved.rflags &= ~(x86::kRflagsResume | x86::kRflagsTrap | x86::kRflagsInterrupt);
  if (!events_->masked(vcpu.index)) saved.rflags |= x86::kRflagsInterrupt;
  const std::uint64_t rsp = from_user(frame) ? registration.kernel_rsp : frame.rsp;
  const x86::AddressSpace space{surroundings_->memory.bytes(), surroundings_->page_table_root};
  const auto new_rsp = x86::push_frame(space, rsp, saved, error_code_of(frame));
  if (!new_rsp) return ExitOutcome::crashed(undeliverable(frame, new_rsp.error().what));
  events_->set_masked(vcpu.index, true);
  vcpu.steps.done(VmmStep::copy_context, frame.vector, *new_rsp);

  frame.rip = handler;
  frame.cs = GUEST_DEPRIVILEGED_CS;
  frame.ss = GUEST_DEPRIVILEGED_SS;
  frame.rflags = x86::handler_flags(frame.rflags, true);
  frame.rsp = *new_rsp;
  vcpu.steps.done(VmmStep::enter_handler, frame.vector, handler);
  return ExitOutcome::resume();
}

ExitOutcome ParavirtualPath::iret(const PathVcpu& vcpu, guest_monitor_frame& frame) {
  const x86::AddressSpace space{surroundings_->memory.bytes(), surroundings_->page_table_root};
  const auto target = x86::pop_frame(space, frame.rsp);
  if (!target) return ExitOutcome::crashed("hypercall iret: " + target.error().what);
  vcpu.steps.done(VmmStep::read_guest_frame, 0, frame.rsp);
  const bool to_user = target->cs == GUEST_USER_CS;
  if (!to_user && target->cs != GUEST_DEPRIVILEGED_CS) {
    return ExitOutcome::crashed(fmt::format(
        "hypercall iret: the frame names CS {:#x}, which is neither user's nor kernel's", target->cs));
  }
  frame.rip = target->rip;
  frame.rsp = target->rsp;
  frame.cs = target->cs;
  frame.ss = to_user ? GUEST_USER_SS : GUEST_DEPRIVILEGED_SS;
  frame.rflags = x86::deprivileged_flags(target->rflags, true);
  events_->set_masked(vcpu.index, (target->rflags & x86::kRflagsInterrupt) == 0);
  vcpu.steps.done(VmmStep::return_to_guest, 0, frame.rip);
  return ExitOutcome::resume();
}

}  // namespace trapline::vmm
