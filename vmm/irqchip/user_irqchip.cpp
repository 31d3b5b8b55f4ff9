#include "vmm/irqchip/user_irqchip.h"

#include <fmt/format.h>

#include <cstring>

#include "vmm/guest/abi.h"

namespace trapline::vmm {

UserIrqchip::UserIrqchip(std::uint32_t vcpus, std::function<void(std::uint32_t)> kick, RaiseLog& raised)
    : kick_(std::move(kick)), raised_(raised), attention_(std::make_unique<std::atomic<bool>[]>(vcpus)) {
  for (std::uint32_t vcpu = 0; vcpu < vcpus; ++vcpu)
    apics_.emplace_back(vcpu);
  for (std::uint32_t vcpu = 0; vcpu < vcpus; ++vcpu) {
    timers_.push_back(
        std::make_unique<OneShot>(fmt::format("lapic-timer{}", vcpu), [this, vcpu] { timer_expired(vcpu); }));
  }
}

void UserIrqchip::accept(std::uint32_t vcpu, std::uint8_t vector) {
  {
    const std::lock_guard lock(mutex_);
    if (vcpu >= apics_.size()) return;
    apics_[vcpu].accept(vector);
    attention_[vcpu].store(true);
  }
  kick_(vcpu);
}

void UserIrqchip::timer_expired(std::uint32_t vcpu) {
  const HostTsc now = read_host_tsc();
  std::optional<std::uint8_t> vector;
  {
    const std::lock_guard lock(mutex_);
    vector = apics_[vcpu].timer_expired();
    if (vector) attention_[vcpu].store(true);
  }
  if (!vector) return;
  kick_(vcpu);
  raised_.add(RaiseKind::timer, *vector, now);
}

bool UserIrqchip::write_msr(std::uint32_t vcpu, std::uint32_t msr, std::uint64_t value) {
  std::optional<ApicRequest> request;
  {
    const std::lock_guard lock(mutex_);
    request = apics_[vcpu].write(msr, value);
  }
  if (!request) return false;
  switch (request->kind) {
    case ApicRequest::Kind::arm_timer:
      if (request->timer_ns == 0) {
        timers_[vcpu]->disarm();
      } else {
        timers_[vcpu]->arm(std::chrono::nanoseconds(request->timer_ns));
      }
      break;
    case ApicRequest::Kind::send_ipi: {
      const HostTsc now = read_host_tsc();
      accept(request->destination, request->vector);
      raised_.add(RaiseKind::ipi, request->vector, now);
      break;
    }
    case ApicRequest::Kind::nothing:
      break;
  }
  return true;
}

std::optional<std::uint64_t> UserIrqchip::read_msr(std::uint32_t vcpu, std::uint32_t msr) const {
  const std::lock_guard lock(mutex_);
  return apics_[vcpu].read(msr);
}

bool UserIrqchip::handle_mmio(kvm_run& run) {
  const std::uint64_t address = run.mmio.phys_addr;
  if (address < GUEST_IOAPIC || address >= GUEST_IOAPIC + GUEST_IOAPIC_BYTES) return false;
  const std::lock_guard lock(mutex_);
  std::uint32_t value = 0;
  if (run.mmio.is_write) {
    std::memcpy(&value, run.mmio.data, sizeof value);
    if (run.mmio.len == sizeof value) io_apic_.write(address - GUEST_IOAPIC, value);
  } else {
    value = io_apic_.read(address - GUEST_IOAPIC);
    std::memset(run.mmio.data, 0, sizeof run.mmio.data);
    std::memcpy(run.mmio.data, &value, sizeof value);
  }
  return true;
}

void UserIrqchip::raise_line(unsigned pin) {
  std::optional<IoApic::Route> route;
  {
    const std::lock_guard lock(mutex_);
    route = io_apic_.route(pin);
  }
  if (route) accept(route->destination, route->vector);
}

void UserIrqchip::raise_msi(std::uint8_t vector) {
  accept(0, vector);
}

bool UserIrqchip::has_pending(std::uint32_t vcpu) const {
  const std::lock_guard lock(mutex_);
  return apics_[vcpu].next().has_value();
}

// In this order: a timer that expires between the two has its interrupt pending then.
bool UserIrqchip::may_interrupt(std::uint32_t vcpu) const {
  return timers_[vcpu]->armed() || has_pending(vcpu);
}

Result<std::optional<std::uint8_t>> UserIrqchip::inject(std::uint32_t vcpu, const Vcpu& cpu) {
  kvm_run& run = cpu.run_state();
  if (!attention_[vcpu].load()) return std::nullopt;
  std::optional<std::uint8_t> vector;
  {
    const std::lock_guard lock(mutex_);
    vector = apics_[vcpu].next();
    const bool ready = run.ready_for_interrupt_injection != 0 && run.if_flag != 0;
    run.request_interrupt_window = vector && !ready ? 1 : 0;
    if (!vector || !ready) return std::nullopt;
    apics_[vcpu].begin_service(*vector);
    if (!apics_[vcpu].any_pending()) attention_[vcpu].store(false);
  }
  TRAPLINE_TRY(cpu.interrupt(*vector));
  run.ready_for_interrupt_injection = 0;  // until the next exit says so again
  return vector;
}

void raise_in_user_space(UserIrqchip& irqchip, RaiseLog& raised, RaiseKind kind) {
  const HostTsc now = read_host_tsc();
  if (kind == RaiseKind::msi) {
    irqchip.raise_msi(GUEST_VECTOR_DEVICE_MSI);
    raised.add(kind, GUEST_VECTOR_DEVICE_MSI, now);
  } else {
    irqchip.raise_line(GUEST_DOORBELL_GSI);
    raised.add(RaiseKind::line, GUEST_DOORBELL_GSI, now);
  }
}

}  // namespace trapline::vmm
