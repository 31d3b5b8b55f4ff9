// The VMM's side of the page that a paravirtual kernel has for its interrupts (struct guest_events). The
// guest may write anything into it at any time: nothing but its own interrupts depends on what it says.
#pragma once

#include <cstdint>

#include "vmm/machine/guest_memory.h"

namespace trapline::vmm {

class EventChannels {
 public:
  explicit EventChannels(const GuestMemory& memory) : memory_(memory) {}

  // From any thread: the channel is pending, and, unless the guest masks it, so is an upcall.
  void raise(std::uint32_t vcpu, unsigned channel) const;
  // An upcall is pending and not masked.
  [[nodiscard]] bool deliverable(std::uint32_t vcpu) const;
  [[nodiscard]] bool pending(std::uint32_t vcpu) const;

  [[nodiscard]] bool masked(std::uint32_t vcpu) const;
  void set_masked(std::uint32_t vcpu, bool masked) const;
  void set_faulting_address(std::uint32_t vcpu, std::uint64_t address) const;

 private:
  [[nodiscard]] std::byte* page(std::uint32_t vcpu) const;

  const GuestMemory& memory_;
};

}  // namespace trapline::vmm
