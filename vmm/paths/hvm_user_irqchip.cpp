// hvm-user-irqchip: as hvm, but the interrupt controllers are the VMM's. It injects by KVM_INTERRUPT, after
// an interrupt-window exit where the guest cannot take it at once; EOI, timer and IPI are MSR accesses that
// exit to it, and HLT sleeps in it.
#include "vmm/paths/hvm_user_irqchip.h"

#include "vmm/irqchip/user_irqchip.h"
#include "vmm/paths/hardware_kernel.h"

namespace trapline::vmm {

namespace {

class HvmUserIrqchip final : public DeliveryPath {
 public:
  [[nodiscard]] Ownership ownership() const override {
    return {.gate = Owner::guest_kernel,
            .stack_switch = Owner::hardware,
            .iret = Owner::guest_kernel,
            .interrupt_flag = Owner::guest_kernel};
  }

  [[nodiscard]] std::optional<std::string> cannot_run(guest_workload workload) const override {
    if (workload == GUEST_WORKLOAD_DEVICE_IRQFD) return std::string(kNoIrqfdInUserSpace);
    return privileged_kernel_cannot_run(workload);
  }

  [[nodiscard]] Status prepare_vm(const Vm& vm) override { return vm.exit_on_unknown_msrs(); }

  [[nodiscard]] Status write_tables(const GuestMemory& memory, const KernelImage& image,
                                    std::uint32_t vcpus) override {
    return write_hardware_tables(memory, image, vcpus);
  }

  void initial_state(const KernelImage& image, std::uint64_t page_table_root, std::uint32_t vcpu,
                     VcpuState& state) const override {
    set_hardware_state(image, page_table_root, vcpu, state);
  }

  [[nodiscard]] Status start(const PathSurroundings& surroundings) override {
    irqchip_.emplace(surroundings.vcpus, surroundings.kick, surroundings.raised);
    return {};
  }
  void stop() override { irqchip_.reset(); }

  [[nodiscard]] Status before_entry(const PathVcpu& vcpu) override {
    TRAPLINE_ASSIGN(injected, irqchip_->inject(vcpu.index, vcpu.cpu));
    if (injected) vcpu.steps.done(VmmStep::inject, *injected);
    return {};
  }

  [[nodiscard]] ExitOutcome handle_exit(const PathVcpu& vcpu) override {
    kvm_run& run = vcpu.cpu.run_state();
    switch (run.exit_reason) {
      case KVM_EXIT_X86_WRMSR:
        run.msr.error = irqchip_->write_msr(vcpu.index, run.msr.index, run.msr.data) ? 0 : 1;
        return ExitOutcome::resume();
      case KVM_EXIT_X86_RDMSR: {
        const auto value = irqchip_->read_msr(vcpu.index, run.msr.index);
        run.msr.error = value ? 0 : 1;
        run.msr.data = value.value_or(0);
        return ExitOutcome::resume();
      }
      case KVM_EXIT_MMIO:
        return irqchip_->handle_mmio(run) ? ExitOutcome::resume() : ExitOutcome::not_mine();
      case KVM_EXIT_HLT:
        return ExitOutcome::halt();
      case KVM_EXIT_IRQ_WINDOW_OPEN:
        return ExitOutcome::resume();
      default:
        return ExitOutcome::not_mine();
    }
  }

  [[nodiscard]] Result<bool> sleeps_for_good(const PathVcpu& vcpu, bool in_vmm) const override {
    return in_vmm && !irqchip_->may_interrupt(vcpu.index);
  }
  [[nodiscard]] std::vector<std::uint64_t> interrupt_entries(const KernelImage& image,
                                                             std::uint32_t vcpu) const override {
    return lapic_entries(image.header.isr_stubs, image.header.isr_stub_bytes, vcpu);
  }

  [[nodiscard]] bool should_wake(std::uint32_t vcpu) const override { return irqchip_->has_pending(vcpu); }

  [[nodiscard]] Status raise(const PathSurroundings& surroundings, RaiseKind kind) override {
    raise_in_user_space(*irqchip_, surroundings.raised, kind);
    return {};
  }

 private:
  std::optional<UserIrqchip> irqchip_;  // while it runs
};

}  // namespace

std::unique_ptr<DeliveryPath> make_hvm_user_irqchip() {
  return std::make_unique<HvmUserIrqchip>();
}

}  // namespace trapline::vmm
