// Waiting, in the kernel and in user mode alike. Invariant: no wait is endless. One that reaches its bound
// (struct guest_shared) panics, and the VMM's report says who waited for what.
//
// A condition compares numbers that only grow (interrupts handled, halts begun) by >=, never two counts for
// equality: a HLT may end without an interrupt, and an interrupt may come twice.
#ifndef TRAPLINE_VMM_GUEST_WAIT_H
#define TRAPLINE_VMM_GUEST_WAIT_H

#include "vmm/guest/shared_page.h"
#include "vmm/guest/system_call.h"

// INT 0x80 works from the kernel, too.
ALWAYS_INLINE void give_up_waiting(enum guest_wait what, uint64_t waited) {
  shared()->waits_for = what;
  shared()->waited_rounds = waited;
  uint64_t number = SYSTEM_CALL_GIVE_UP;
  __asm__ volatile("int %1" : "+a"(number) : "N"(GUEST_VECTOR_INT80) : "memory");
}

// After every round of looks. Returns when the first round ended.
static __attribute__((noinline, cold, unused)) uint64_t wait_round_over(enum guest_wait what, uint64_t round,
                                                                        uint64_t first_ended) {
  volatile struct guest_shared* const page = shared();
  const uint64_t now = ordered_tsc();
  if (round == 1) first_ended = now;
  page->waits_for = what;
  page->waited_rounds = round;
  if (round >= page->wait_rounds && now - first_ended >= page->wait_ticks) give_up_waiting(what, round);
  return first_ended;
}

// Looks until the condition holds. No PAUSE: it may cause exits of its own (pause filter, PAUSE-loop
// exiting). The TSC is read between rounds only.
#define AWAIT(what, condition)                                      \
  do {                                                              \
    uint64_t round_ = 0;                                            \
    uint64_t first_ended_ = 0;                                      \
    for (uint32_t looks_ = GUEST_WAIT_ROUND(what); !(condition);) { \
      if (--looks_ != 0) continue;                                  \
      first_ended_ = wait_round_over(what, ++round_, first_ended_); \
      looks_ = GUEST_WAIT_ROUND(what);                              \
    }                                                               \
  } while (0)

// After a HLT that ended without an interrupt, `wakes` in a row.
ALWAYS_INLINE void woken_for_nothing(uint64_t wakes) {
  if (wakes >= shared()->wake_limit) give_up_waiting(GUEST_WAIT_WAKE_UP, wakes);
}

#endif
