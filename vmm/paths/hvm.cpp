// hvm: hardware does it all. The kernel runs at CPL 0 behind its own IDT; local APIC and IOAPIC are KVM's.
// Traps, system calls, faults and iret cause no exit; interrupts cost what the processor's APIC support
// leaves to KVM.
//
// hvm-pv: the same machine, and a kernel that uses what KVM offers to one that knows of it: no EOI exit where
// KVM marked the interrupt as needing none (PV EOI), IPIs by hypercall. What production guests do.
#include "vmm/paths/hvm.h"

#include "vmm/paths/hardware_kernel.h"
#include "vmm/paths/in_kernel_irqchip.h"

namespace trapline::vmm {

namespace {

class Hvm final : public DeliveryPath {
 public:
  explicit Hvm(guest_platform platform) : platform_(platform) {}

  [[nodiscard]] Ownership ownership() const override {
    return {.gate = Owner::guest_kernel,
            .stack_switch = Owner::hardware,
            .iret = Owner::guest_kernel,
            .interrupt_flag = Owner::guest_kernel};
  }
  [[nodiscard]] guest_platform platform() const override { return platform_; }

  [[nodiscard]] std::optional<std::string> cannot_run(guest_workload workload) const override {
    return privileged_kernel_cannot_run(workload);
  }

  [[nodiscard]] Status prepare_vm(const Vm& vm) override { return irqchip_.create(vm); }

  [[nodiscard]] Status write_tables(const GuestMemory& memory, const KernelImage& image,
                                    std::uint32_t vcpus) override {
    return write_hardware_tables(memory, image, vcpus);
  }

  void initial_state(const KernelImage& image, std::uint64_t page_table_root, std::uint32_t vcpu,
                     VcpuState& state) const override {
    set_hardware_state(image, page_table_root, vcpu, state);
  }

  [[nodiscard]] Status prepare_vcpu(std::uint32_t index, const Vcpu& vcpu) override {
    return index == 0 ? Status{} : vcpu.make_runnable();
  }

  [[nodiscard]] Result<bool> sleeps_for_good(const PathVcpu& vcpu, bool /*in_vmm*/) const override {
    return InKernelIrqchip::sleeps_for_good(vcpu.cpu);
  }
  [[nodiscard]] Result<bool> end_halt(const PathVcpu& vcpu) const override {
    TRAPLINE_ASSIGN(halted, vcpu.cpu.is_halted());
    if (halted) TRAPLINE_TRY(vcpu.cpu.make_runnable());
    return halted;
  }
  [[nodiscard]] std::vector<std::uint64_t> interrupt_entries(const KernelImage& image,
                                                             std::uint32_t vcpu) const override {
    return lapic_entries(image.header.isr_stubs, image.header.isr_stub_bytes, vcpu);
  }

  [[nodiscard]] Status raise(const PathSurroundings& surroundings, RaiseKind kind) override {
    return irqchip_.raise(surroundings, kind);
  }

 private:
  guest_platform platform_;
  InKernelIrqchip irqchip_;
};

}  // namespace

std::unique_ptr<DeliveryPath> make_hvm() {
  return std::make_unique<Hvm>(GUEST_PLATFORM_HARDWARE);
}

std::unique_ptr<DeliveryPath> make_hvm_pv() {
  return std::make_unique<Hvm>(GUEST_PLATFORM_KVM_PV);
}

}  // namespace trapline::vmm
