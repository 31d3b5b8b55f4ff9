#include "vmm/paths/event_channels.h"

#include <atomic>

#include "vmm/guest/abi.h"

namespace trapline::vmm {

namespace {

template <typename T>
std::atomic_ref<T> field(std::byte* page, std::size_t offset) {
  return std::atomic_ref<T>(*reinterpret_cast<T*>(page + offset));
}

std::atomic_ref<std::uint8_t> upcall_mask(std::byte* page) {
  return field<std::uint8_t>(page, offsetof(guest_events, upcall_mask));
}
std::atomic_ref<std::uint8_t> upcall_pending(std::byte* page) {
  return field<std::uint8_t>(page, offsetof(guest_events, upcall_pending));
}

}  // namespace

// The page lies within the guest's memory, whatever its size: vmm/machine/layout.h.
std::byte* EventChannels::page(std::uint32_t vcpu) const {
  return memory_.bytes().data() + GUEST_EVENTS(std::size_t{vcpu});
}

void EventChannels::raise(std::uint32_t vcpu, unsigned channel) const {
  std::byte* const events = page(vcpu);
  const std::uint64_t bit = std::uint64_t{1} << channel;
  field<std::uint64_t>(events, offsetof(guest_events, pending)).fetch_or(bit);
  if (field<std::uint64_t>(events, offsetof(guest_events, mask)).load() & bit) return;
  upcall_pending(events).store(1);
}

bool EventChannels::pending(std::uint32_t vcpu) const {
  return upcall_pending(page(vcpu)).load() != 0;
}

bool EventChannels::masked(std::uint32_t vcpu) const {
  return upcall_mask(page(vcpu)).load() != 0;
}

bool EventChannels::deliverable(std::uint32_t vcpu) const {
  return pending(vcpu) && !masked(vcpu);
}

void EventChannels::set_masked(std::uint32_t vcpu, bool masked) const {
  upcall_mask(page(vcpu)).store(masked ? 1 : 0);
}

void EventChannels::set_faulting_address(std::uint32_t vcpu, std::uint64_t address) const {
  field<std::uint64_t>(page(vcpu), offsetof(guest_events, cr2)).store(address);
}

}  // namespace trapline::vmm
