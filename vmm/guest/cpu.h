// The instructions that C has no word for. None of these counts: see counts.h for those that may cause an
// exit.
#ifndef TRAPLINE_VMM_GUEST_CPU_H
#define TRAPLINE_VMM_GUEST_CPU_H

#include <stdint.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

// Earlier instructions have completed when the counter is read (AMD APM vol. 3, LFENCE; Intel SDM vol. 2,
// RDTSC).
ALWAYS_INLINE uint64_t ordered_tsc(void) {
  uint32_t low;
  uint32_t high;
  __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high)::"memory");
  return (uint64_t)high << 32 | low;
}

ALWAYS_INLINE uint64_t page_fault_address(void) {
  uint64_t address;
  __asm__ volatile("mov %%cr2, %0" : "=r"(address));
  return address;
}

ALWAYS_INLINE void invalidate_page(uint64_t address) {
  __asm__ volatile("invlpg (%0)" ::"r"(address) : "memory");
}

ALWAYS_INLINE void disable_interrupts(void) {
  __asm__ volatile("cli" ::: "memory");
}

_Noreturn ALWAYS_INLINE void stop_for_ever(void) {
  for (;;) {
    __asm__ volatile("cli; hlt" ::: "memory");
  }
}

#endif
