#include "vmm/paths/hardware_kernel.h"

#include "vmm/machine/boot.h"
#include "vmm/x86/delivery.h"
#include "vmm/x86/descriptors.h"

namespace trapline::vmm {

namespace {

// AMD APM vol. 2, 6.1.1: STAR holds the selectors' bases, SFMASK the flags that SYSCALL clears.
constexpr std::uint32_t kMsrStar = 0xc0000081;
constexpr std::uint32_t kMsrLstar = 0xc0000082;
constexpr std::uint32_t kMsrSfmask = 0xc0000084;
constexpr std::uint64_t kSysretBase = GUEST_USER_SS - 8;  // SYSRET: SS = base + 8, CS = base + 16
constexpr std::uint64_t kSyscallMask = 0x47700;           // AC, NT, IOPL, DF, IF, TF

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

// STAR, LSTAR and SFMASK for a SYSCALL entry at CPL 0.
std::vector<kvm_msr_entry> syscall_msrs(std::uint64_t entry) {
  return {{kMsrStar, 0, kSysretBase << 48 | std::uint64_t{GUEST_KERNEL_CS} << 32},
          {kMsrLstar, 0, entry},
          {kMsrSfmask, 0, kSyscallMask}};
}

}  // namespace

Status write_hardware_tables(const GuestMemory& memory, const KernelImage& image, std::uint32_t vcpus) {
  TRAPLINE_TRY(write_gdt(memory));
  TRAPLINE_TRY(write_idt(memory, image.header));
  for (std::uint32_t vcpu = 0; vcpu < vcpus; ++vcpu) {
    x86::TaskStateSegment tss;
    tss.rsp[kKernelPrivilege] = GUEST_KERNEL_STACK_TOP(std::uint64_t{vcpu});
    TRAPLINE_TRY(memory.write(GUEST_TSS(std::uint64_t{vcpu}), tss));
  }
  return {};
}

void set_entry_registers(const KernelImage& image, std::uint32_t vcpu, std::uint64_t syscall_entry,
                         VcpuState& state) {
  state.regs = kvm_regs{};
  state.regs.rip = image.entry;
  state.regs.rsp = GUEST_KERNEL_STACK_TOP(std::uint64_t{vcpu});
  state.regs.rflags = x86::kRflagsFixed;
  state.regs.rdi = vcpu;
  state.msrs = syscall_msrs(syscall_entry);
}

void set_hardware_state(const KernelImage& image, std::uint64_t page_table_root, std::uint32_t vcpu,
                        VcpuState& state) {
  set_long_mode(state.sregs, {.page_table_root = page_table_root,
                              .cpl = kKernelPrivilege,
                              .code_selector = GUEST_KERNEL_CS,
                              .stack_selector = GUEST_KERNEL_SS,
                              .gdt = GUEST_GDT,
                              .tss = GUEST_TSS(std::uint64_t{vcpu}),
                              .first_vcpu = vcpu == 0});
  set_entry_registers(image, vcpu, image.header.syscall_entry, state);
}

std::optional<std::string> privileged_kernel_cannot_run(guest_workload workload) {
  if (workload == GUEST_WORKLOAD_PRIVILEGED) return "its kernel has every privilege: nothing would trap";
  return std::nullopt;
}

std::vector<std::uint64_t> lapic_entries(std::uint64_t stubs, std::uint64_t stub_bytes, std::uint32_t vcpu) {
  if (vcpu != 0) return {stubs + GUEST_VECTOR_IPI * stub_bytes};
  constexpr std::uint64_t kVectors[] = {GUEST_VECTOR_TIMER, GUEST_VECTOR_DEVICE, GUEST_VECTOR_DEVICE_MSI,
                                        GUEST_VECTOR_DEVICE_IRQFD};
  std::vector<std::uint64_t> entries;
  for (const std::uint64_t vector : kVectors)
    entries.push_back(stubs + vector * stub_bytes);
  return entries;
}

}  // namespace trapline::vmm
