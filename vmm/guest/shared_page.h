// The page that this vCPU's kernel, its user program and the VMM share.
#ifndef TRAPLINE_VMM_GUEST_SHARED_PAGE_H
#define TRAPLINE_VMM_GUEST_SHARED_PAGE_H

#include "vmm/guest/abi.h"
#include "vmm/guest/cpu.h"

ALWAYS_INLINE volatile struct guest_shared* shared(void) {
  return (volatile struct guest_shared*)GUEST_SHARED(this_vcpu());
}

#endif
