// Local APICs, their timers and an IOAPIC, all in user space: the interrupt controllers of the paths that
// have none in the kernel. Thread-safe.
#pragma once

#include <linux/kvm.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vmm/irqchip/io_apic.h"
#include "vmm/irqchip/local_apic.h"
#include "vmm/kvm/vcpu.h"
#include "vmm/machine/one_shot.h"
#include "vmm/machine/raise_log.h"

namespace trapline::vmm {

class UserIrqchip {
 public:
  // `kick` makes a vCPU look for what is pending; called from any thread.
  UserIrqchip(std::uint32_t vcpus, std::function<void(std::uint32_t vcpu)> kick, RaiseLog& raised);

  // x2APIC MSRs of a vCPU; false, or nothing: the access is a #GP.
  [[nodiscard]] bool write_msr(std::uint32_t vcpu, std::uint32_t msr, std::uint64_t value);
  [[nodiscard]] std::optional<std::uint64_t> read_msr(std::uint32_t vcpu, std::uint32_t msr) const;
  // True where the access was the IOAPIC's, which has then done it.
  [[nodiscard]] bool handle_mmio(kvm_run& run);

  // A rising edge of an IOAPIC pin; an MSI of that vector to vCPU 0.
  void raise_line(unsigned pin);
  void raise_msi(std::uint8_t vector);

  [[nodiscard]] bool has_pending(std::uint32_t vcpu) const;
  // An interrupt is pending, or the timer is armed.
  [[nodiscard]] bool may_interrupt(std::uint32_t vcpu) const;
  // Before an entry, on the vCPU's thread: injects what is pending by KVM_INTERRUPT, or, where the guest
  // cannot take it now, asks for an exit when it can. Returns the vector that was injected.
  [[nodiscard]] Result<std::optional<std::uint8_t>> inject(std::uint32_t vcpu, const Vcpu& cpu);

 private:
  void accept(std::uint32_t vcpu, std::uint8_t vector);
  void timer_expired(std::uint32_t vcpu);

  std::function<void(std::uint32_t)> kick_;
  RaiseLog& raised_;
  mutable std::mutex mutex_;
  std::vector<LocalApic> apics_;
  std::unique_ptr<std::atomic<bool>[]>
      attention_;  // by vCPU: something is pending; keeps entries free of locks
  IoApic io_apic_;
  std::vector<std::unique_ptr<OneShot>> timers_;  // last: their threads use all of the above
};

// Why a path with these controllers has no irqfd.
inline constexpr std::string_view kNoIrqfdInUserSpace =
    "an irqfd raises interrupts of controllers in the host's kernel, and this path's are in the VMM";

// A device's interrupt, and its entry in the log.
void raise_in_user_space(UserIrqchip& irqchip, RaiseLog& raised, RaiseKind kind);

}  // namespace trapline::vmm
