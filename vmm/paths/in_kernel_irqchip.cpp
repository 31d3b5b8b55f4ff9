#include "vmm/paths/in_kernel_irqchip.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace trapline::vmm {

namespace {

// Fixed delivery to the LAPIC with physical ID 0 (AMD APM vol. 2, 16.5.1; Intel SDM vol. 3, 11.11.1).
constexpr std::uint64_t kMsiAddress = 0xfee00000;

Status write_eventfd(const Fd& fd) {
  const std::uint64_t one = 1;
  if (::write(fd.get(), &one, sizeof one) != sizeof one)
    return fail(system_error("write", "the eventfd of an irqfd", errno));
  return {};
}

}  // namespace

Status InKernelIrqchip::create(const Vm& vm) {
  TRAPLINE_TRY(vm.create_irqchip());
  kvm_irq_routing_entry line{};
  line.gsi = GUEST_DOORBELL_GSI;
  line.type = KVM_IRQ_ROUTING_IRQCHIP;
  line.u.irqchip.irqchip = KVM_IRQCHIP_IOAPIC;
  line.u.irqchip.pin = GUEST_DOORBELL_GSI;
  kvm_irq_routing_entry message{};
  message.gsi = GUEST_IRQFD_GSI;
  message.type = KVM_IRQ_ROUTING_MSI;
  message.u.msi.address_lo = static_cast<std::uint32_t>(kMsiAddress);
  message.u.msi.data = GUEST_VECTOR_DEVICE_IRQFD;
  const kvm_irq_routing_entry routes[] = {line, message};
  TRAPLINE_TRY(vm.set_gsi_routing(routes));
  eventfd_ = Fd(::eventfd(0, EFD_CLOEXEC));
  if (eventfd_.get() < 0) return fail(system_error("make", "the eventfd of an irqfd", errno));
  return vm.attach_irqfd(eventfd_, GUEST_IRQFD_GSI);
}

// Offsets of struct kvm_lapic_state's page (AMD APM vol. 2, table 16-2; KVM computes the current count).
Result<bool> InKernelIrqchip::sleeps_for_good(const Vcpu& vcpu) {
  constexpr std::size_t kRequests = 0x200;
  constexpr std::size_t kRequestRegisters = 8;
  constexpr std::size_t kRegisterDistance = 0x10;
  constexpr std::size_t kTimerCurrentCount = 0x390;
  TRAPLINE_ASSIGN(halted, vcpu.is_halted());
  if (!halted) return false;
  TRAPLINE_ASSIGN(lapic, vcpu.lapic());
  const auto value = [&](std::size_t offset) {
    std::uint32_t read = 0;
    std::memcpy(&read, lapic.regs + offset, sizeof read);
    return read;
  };
  for (std::size_t i = 0; i < kRequestRegisters; ++i) {
    if (value(kRequests + i * kRegisterDistance) != 0) return false;
  }
  return value(kTimerCurrentCount) == 0;
}

Status InKernelIrqchip::raise(const PathSurroundings& surroundings, RaiseKind kind) const {
  const HostTsc now = read_host_tsc();
  switch (kind) {
    case RaiseKind::msi:
      TRAPLINE_TRY(surroundings.vm.signal_msi(kMsiAddress, GUEST_VECTOR_DEVICE_MSI));
      surroundings.raised.add(kind, GUEST_VECTOR_DEVICE_MSI, now);
      return {};
    case RaiseKind::irqfd:
      TRAPLINE_TRY(write_eventfd(eventfd_));
      surroundings.raised.add(kind, GUEST_VECTOR_DEVICE_IRQFD, now);
      return {};
    default:
      // Edge-triggered: the rise raises, the fall arms the pin again.
      TRAPLINE_TRY(surroundings.vm.irq_line(GUEST_DOORBELL_GSI, true));
      TRAPLINE_TRY(surroundings.vm.irq_line(GUEST_DOORBELL_GSI, false));
      surroundings.raised.add(RaiseKind::line, GUEST_DOORBELL_GSI, now);
      return {};
  }
}

}  // namespace trapline::vmm
