#include "vmm/kvm/vm.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include "vmm/kvm/ioctl.h"
#include "vmm/kvm/variable_length.h"

namespace trapline::vmm {

namespace {

constexpr std::string_view kObject = "the VM";

Status done(const Result<int>& result) {
  if (!result) return fail(result.error());
  return {};
}

}  // namespace

Status Vm::set_tss_address(std::uint32_t gpa) const {
  return done(kvm_ioctl(fd_, KVM_SET_TSS_ADDR, static_cast<unsigned long>(gpa), "KVM_SET_TSS_ADDR", kObject));
}

Status Vm::create_irqchip() const {
  return done(kvm_ioctl(fd_, KVM_CREATE_IRQCHIP, 0UL, "KVM_CREATE_IRQCHIP", kObject));
}

Status Vm::set_memory_region(std::uint32_t slot, std::uint64_t gpa, std::span<std::byte> memory) const {
  kvm_userspace_memory_region region{};
  region.slot = slot;
  region.guest_phys_addr = gpa;
  region.memory_size = memory.size();
  region.userspace_addr = reinterpret_cast<std::uint64_t>(memory.data());
  return done(kvm_ioctl(fd_, KVM_SET_USER_MEMORY_REGION, &region, "KVM_SET_USER_MEMORY_REGION", kObject));
}

Status Vm::irq_line(std::uint32_t gsi, bool high) const {
  kvm_irq_level level{};
  level.irq = gsi;
  level.level = high ? 1 : 0;
  return done(kvm_ioctl(fd_, KVM_IRQ_LINE, &level, "KVM_IRQ_LINE", kObject));
}

Status Vm::signal_msi(std::uint64_t address, std::uint32_t data) const {
  kvm_msi msi{};
  msi.address_lo = static_cast<std::uint32_t>(address);
  msi.address_hi = static_cast<std::uint32_t>(address >> 32);
  msi.data = data;
  return done(kvm_ioctl(fd_, KVM_SIGNAL_MSI, &msi, "KVM_SIGNAL_MSI", kObject));
}

Status Vm::set_gsi_routing(std::span<const kvm_irq_routing_entry> routes) const {
  auto buffer = with_entries(routes);
  return done(kvm_ioctl(fd_, kSetGsiRouting, buffer.data(), "KVM_SET_GSI_ROUTING", kObject));
}

Status Vm::attach_irqfd(const Fd& eventfd, std::uint32_t gsi) const {
  kvm_irqfd irqfd{};
  irqfd.fd = static_cast<std::uint32_t>(eventfd.get());
  irqfd.gsi = gsi;
  return done(kvm_ioctl(fd_, KVM_IRQFD, &irqfd, "KVM_IRQFD", kObject));
}

Status Vm::exit_on_unknown_msrs() const {
  kvm_enable_cap cap{};
  cap.cap = KVM_CAP_X86_USER_SPACE_MSR;
  cap.args[0] = KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN;
  auto enabled = kvm_ioctl(fd_, KVM_ENABLE_CAP, &cap, "KVM_ENABLE_CAP(KVM_CAP_X86_USER_SPACE_MSR)", kObject);
  if (enabled) return {};
  enabled.error().remedy = "Linux 5.10 or later can hand MSR accesses to user space";
  enabled.error().status = ExitStatus::machine_lacks;
  return fail(enabled.error());
}

Result<Vcpu> Vm::create_vcpu(std::uint32_t id) const {
  TRAPLINE_ASSIGN(
      raw_fd, kvm_ioctl(fd_, KVM_CREATE_VCPU, static_cast<unsigned long>(id), "KVM_CREATE_VCPU", kObject));
  Fd fd(raw_fd);
  std::string name = fmt::format("vCPU {}", id);
  TRAPLINE_ASSIGN(mapping, Mapping::of_file(fd.get(), vcpu_mapping_bytes_, PROT_READ | PROT_WRITE, MAP_SHARED,
                                            "struct kvm_run of " + name));
  return Vcpu(std::move(fd), std::move(mapping), std::move(name));
}

}  // namespace trapline::vmm
