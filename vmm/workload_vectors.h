// Which handler a workload's events lead to.
#pragma once

#include <cstdint>

#include "vmm/guest/abi.h"

namespace trapline::vmm {

// Whether a handler entered at `vector` within an event of this workload may be the event's own. An interrupt
// of another source can come in between at any time. Of a workload that is not the nano-kernel's: any vector.
[[nodiscard]] constexpr bool may_handle(std::uint16_t workload, std::uint16_t vector) {
  const auto interrupt = [vector](std::uint16_t own) {
    return vector == own || vector == GUEST_VECTOR_EVENT;
  };
  switch (workload) {
    case GUEST_WORKLOAD_INT80:
      return vector == GUEST_VECTOR_INT80;
    case GUEST_WORKLOAD_SYSCALL:
      return vector == GUEST_VECTOR_SYSCALL;
    case GUEST_WORKLOAD_PAGE_FAULT:
    case GUEST_WORKLOAD_KERNEL_TOUCH:
      return vector == 14;
    case GUEST_WORKLOAD_DIVIDE:
      return vector == 0;
    case GUEST_WORKLOAD_PRIVILEGED:
    case GUEST_WORKLOAD_GENERAL_PROTECTION:
      return vector == 13;
    case GUEST_WORKLOAD_TIMER:
    case GUEST_WORKLOAD_HLT:
      return interrupt(GUEST_VECTOR_TIMER);
    case GUEST_WORKLOAD_DEVICE:
      return interrupt(GUEST_VECTOR_DEVICE);
    case GUEST_WORKLOAD_DEVICE_MSI:
      return interrupt(GUEST_VECTOR_DEVICE_MSI);
    case GUEST_WORKLOAD_DEVICE_IRQFD:
      return interrupt(GUEST_VECTOR_DEVICE_IRQFD);
    case GUEST_WORKLOAD_IPI:
      return interrupt(GUEST_VECTOR_IPI);
    case GUEST_WORKLOAD_PIO:
    case GUEST_WORKLOAD_CPUID:
    case GUEST_WORKLOAD_HYPERCALL:
    case GUEST_WORKLOAD_MMIO:
    case GUEST_WORKLOAD_STAMPS:
    case GUEST_WORKLOAD_NEVER_INTERRUPTED:
    case GUEST_WORKLOAD_NEVER_WOKEN:
    case GUEST_WORKLOAD_NEVER_ANSWERED:
      return false;
    default:
      return true;
  }
}

}  // namespace trapline::vmm
