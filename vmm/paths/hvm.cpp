// hvm: hardware does it all. The kernel runs at CPL 0 behind its own IDT; local APIC and IOAPIC are KVM's.
// Traps, system calls, faults and iret cause no exit; interrupts cost what the processor's APIC support
// leaves to KVM.
#include "vmm/paths/hvm.h"

#include "vmm/machine/boot.h"
#include "vmm/x86/descriptors.h"

namespace trapline::vmm {

namespace {

// AMD APM vol. 2, 6.1.1: STAR holds the selectors' bases, SFMASK the flags that SYSCALL clears.
constexpr std::uint32_t kMsrStar = 0xc0000081;
constexpr std::uint32_t kMsrLstar = 0xc0000082;
constexpr std::uint32_t kMsrSfmask = 0xc0000084;
constexpr std::uint64_t kSysretBase = GUEST_USER_SS - 8;  // SYSRET: SS = base + 8, CS = base + 16
constexpr std::uint64_t kSyscallMask = 0x47700;           // AC, NT, IOPL, DF, IF, TF

// Fixed delivery to the LAPIC with physical ID 0 (16.5.1; Intel SDM vol. 3, 11.11.1).
constexpr std::uint64_t kMsiAddress = 0xfee00000;

constexpr std::uint64_t kRflagsFixed = 2;
constexpr unsigned kKernelPrivilege = 0;
constexpr unsigned kUserPrivilege = 3;

Status write_gdt(const GuestMemory& memory) {
  TRAPLINE_ASSIGN(gdt, memory.at(GUEST_GDT, GUEST_GDT_BYTES));
  const auto tss = x86::tss_descriptor(GUEST_TSS(0), sizeof(x86::TaskStateSegment) - 1);
  const bool fits = x86::put_descriptor(gdt, GUEST_KERNEL_CS, x86::code_segment(kKernelPrivilege)) &&
                    x86::put_descriptor(gdt, GUEST_KERNEL_SS, x86::data_segment(kKernelPrivilege)) &&
                    x86::put_descriptor(gdt, GUEST_USER_SS, x86::data_segment(kUserPrivilege)) &&
                    x86::put_descriptor(gdt, GUEST_USER_CS, x86::code_segment(kUserPrivilege)) &&
                    x86::put_descriptor(gdt, GUEST_TSS_SELECTOR, tss[0]) &&
                    x86::put_descriptor(gdt, GUEST_TSS_SELECTOR + 8, tss[1]);
  if (!fits) return fail("the GDT is too small for its selectors");
  return {};
}

Status write_idt(const GuestMemory& memory, const guest_image_header& header) {
  TRAPLINE_ASSIGN(idt, memory.at(GUEST_IDT, GUEST_IDT_BYTES));
  for (unsigned vector = 0; vector < GUEST_IDT_BYTES / sizeof(x86::Gate); ++vector) {
    // Only the system call's gate may be used by INT from user mode.
    const unsigned dpl = vector == GUEST_VECTOR_INT80 ? kUserPrivilege : kKernelPrivilege;
    const std::uint64_t entry = header.isr_stubs + vector * header.isr_stub_bytes;
    x86::put_gate(idt, static_cast<std::uint8_t>(vector), x86::interrupt_gate(entry, GUEST_KERNEL_CS, dpl));
  }
  return {};
}

class Hvm final : public DeliveryPath {
 public:
  [[nodiscard]] Ownership ownership() const override {
    return {.gate = Owner::guest_kernel,
            .stack_switch = Owner::hardware,
            .iret = Owner::guest_kernel,
            .interrupt_flag = Owner::guest_kernel};
  }

  [[nodiscard]] std::optional<std::string> cannot_run(guest_workload /*workload*/) const override {
    return std::nullopt;
  }

  [[nodiscard]] Status prepare_vm(const Vm& vm) override { return vm.create_irqchip(); }

  [[nodiscard]] Status write_tables(const GuestMemory& memory, const KernelImage& image,
                                    std::uint32_t vcpus) override {
    TRAPLINE_TRY(write_gdt(memory));
    TRAPLINE_TRY(write_idt(memory, image.header));
    for (std::uint32_t vcpu = 0; vcpu < vcpus; ++vcpu) {
      x86::TaskStateSegment tss;
      tss.rsp[kKernelPrivilege] = GUEST_KERNEL_STACK_TOP(std::uint64_t{vcpu});
      TRAPLINE_TRY(memory.write(GUEST_TSS(std::uint64_t{vcpu}), tss));
    }
    return {};
  }

  void initial_state(const KernelImage& image, std::uint64_t page_table_root, std::uint32_t vcpu,
                     VcpuState& state) const override {
    set_long_mode(state.sregs, page_table_root, kKernelPrivilege, GUEST_KERNEL_CS, GUEST_KERNEL_SS);
    state.regs = kvm_regs{};
    state.regs.rip = image.entry;
    state.regs.rsp = GUEST_KERNEL_STACK_TOP(std::uint64_t{vcpu});
    state.regs.rflags = kRflagsFixed;
    state.msrs = {{kMsrStar, 0, kSysretBase << 48 | std::uint64_t{GUEST_KERNEL_CS} << 32},
                  {kMsrLstar, 0, image.header.syscall_entry},
                  {kMsrSfmask, 0, kSyscallMask}};
  }

  [[nodiscard]] Status raise(const Vm& vm, RaiseKind kind) override {
    if (kind == RaiseKind::msi) return vm.signal_msi(kMsiAddress, GUEST_VECTOR_DEVICE_MSI);
    // Edge-triggered: the rise raises, the fall arms the pin again.
    TRAPLINE_TRY(vm.irq_line(GUEST_DOORBELL_GSI, true));
    return vm.irq_line(GUEST_DOORBELL_GSI, false);
  }
};

}  // namespace

std::unique_ptr<DeliveryPath> make_hvm() {
  return std::make_unique<Hvm>();
}

}  // namespace trapline::vmm
