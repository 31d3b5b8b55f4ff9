// The instructions that C has no word for. None of these counts: see counts.h for those that may cause an
// exit.
#ifndef TRAPLINE_VMM_GUEST_CPU_H
#define TRAPLINE_VMM_GUEST_CPU_H

#include <stdint.h>

#include "vmm/guest/abi.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

// Earlier instructions have completed when the counter is read (AMD APM vol. 3, LFENCE; Intel SDM vol. 2,
// RDTSC).
ALWAYS_INLINE uint64_t ordered_tsc(void) {
  uint32_t low;
  uint32_t high;
  __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high)::"memory");
  return (uint64_t)high << 32 | low;
}

// On which vCPU this runs, in the kernel and in user mode alike: by the stack, which every vCPU has its own
// of, in a row of equal ones (abi.h).
ALWAYS_INLINE uint64_t this_vcpu(void) {
  uint64_t stack;
  __asm__("mov %%rsp, %0" : "=r"(stack));
  return (stack - (GUEST_KERNEL_STACK_TOP(0) - GUEST_KERNEL_STACK_BYTES)) / GUEST_KERNEL_STACK_BYTES %
         GUEST_MAX_VCPUS;
}

// In one instruction: an interrupt that comes within a read, an addition and a write would lose its own
// count.
ALWAYS_INLINE void increment(volatile uint64_t* count) {
  __asm__ volatile("incq %0" : "+m"(*count)::"cc");
}

#endif
