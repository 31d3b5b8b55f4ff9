// For tests: delivers interrupts of one vCPU a second time, with nothing raised or injected again, as a
// faulty hypervisor below does it. KVM stops the vCPU before the first instruction of its handler (a
// breakpoint); the frame that hardware would push there is pushed by hand, and the handler begins again on
// top of it.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <span>

#include "vmm/kvm/vcpu.h"
#include "vmm/machine/guest_memory.h"

namespace trapline::vmm {

class SecondDeliveries {
 public:
  // Both must outlive it.
  SecondDeliveries(const Vcpu& vcpu, const GuestMemory& memory) : vcpu_(vcpu), memory_(memory) {}

  // `entries`: where hardware's delivery leads, at most four. Before the first KVM_RUN.
  [[nodiscard]] Status arm(std::span<const std::uint64_t> entries) const { return vcpu_.break_at(entries); }
  // On the vCPU's thread, at a KVM_EXIT_DEBUG.
  [[nodiscard]] Status at_breakpoint();
  // From any thread: interrupts delivered twice so far.
  [[nodiscard]] std::uint64_t count() const { return count_.load(); }

 private:
  const Vcpu& vcpu_;
  const GuestMemory& memory_;
  std::optional<std::uint64_t> returns_to_;  // RSP of the first delivery, while the second one is handled
  std::atomic<std::uint64_t> count_{0};
};

}  // namespace trapline::vmm
