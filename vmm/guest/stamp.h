// Writing stamps, in the kernel and in user mode alike. Nothing here can cause an exit once the pages were
// touched.
#ifndef TRAPLINE_VMM_GUEST_STAMP_H
#define TRAPLINE_VMM_GUEST_STAMP_H

#include "vmm/guest/abi.h"
#include "vmm/guest/cpu.h"
#include "vmm/guest/shared_page.h"
#include "vmm/guest/wait.h"

// More than one iteration and the ISRs within it ever write.
#define STAMP_RING_MARGIN 64

// The slot is reserved by one instruction, so that an ISR that comes at any point gets a slot of its own. The
// TSC is read last: little runs between it and a U0's event.
ALWAYS_INLINE void stamp(enum guest_stamp_kind kind, uint64_t vector, uint64_t arg) {
  volatile struct guest_shared* const page = shared();
  uint64_t sequence = 1;
  __asm__ volatile("xadd %0, %1" : "+r"(sequence), "+m"(page->head)::"memory", "cc");
  volatile uint64_t* const slot =
      (volatile uint64_t*)(GUEST_RING(this_vcpu()) +
                           (sequence & (page->capacity - 1)) * sizeof(struct guest_stamp));
  slot[1] = arg;
  slot[3] = (uint64_t)kind | vector << 16 | page->workload << 32;  // kind, vector, workload, reserved
  slot[0] = ordered_tsc();
  slot[2] = sequence + 1;
}

// Between iterations: waits while the VMM is behind, rather than overwrite what it has not read.
ALWAYS_INLINE void wait_for_ring_room(void) {
  volatile struct guest_shared* const page = shared();
  if (page->head - page->tail + STAMP_RING_MARGIN <= page->capacity) return;
  ++page->waits;
  AWAIT(GUEST_WAIT_RING_ROOM, page->head - page->tail + STAMP_RING_MARGIN <= page->capacity);
}

#endif
