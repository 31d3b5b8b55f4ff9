// The program that runs at CPL 3. It may read the counts and write stamps; everything else it asks the kernel
// for.
#include <stdbool.h>
#include <stddef.h>

#include "vmm/guest/event_loop.h"
#include "vmm/guest/fault_fixup.h"
#include "vmm/guest/system_call.h"
#include "vmm/guest/wait.h"

ALWAYS_INLINE void call_by_int80(enum system_call number, uint64_t argument) {
  uint64_t result = number;
  __asm__ volatile("int %1" : "+a"(result) : "N"(GUEST_VECTOR_INT80), "D"(argument) : "memory");
}

ALWAYS_INLINE void call_by_int80_with(enum system_call number, uint64_t first, uint64_t second) {
  uint64_t result = number;
  __asm__ volatile("int %1" : "+a"(result) : "N"(GUEST_VECTOR_INT80), "D"(first), "S"(second) : "memory");
}

ALWAYS_INLINE void event_int80(uint32_t iteration, uint64_t prepared) {
  (void)prepared;
  call_by_int80(SYSTEM_CALL_NULL, iteration);
}

ALWAYS_INLINE void event_syscall(uint32_t iteration, uint64_t prepared) {
  (void)prepared;
  uint64_t result = SYSTEM_CALL_NULL;
  __asm__ volatile("syscall" : "+a"(result) : "D"((uint64_t)iteration) : "rcx", "r11", "memory");
}

// Null dereferences, and every fourth time a page that the kernel maps on demand: not half and half, or
// chance would decide which of the two is the median.
ALWAYS_INLINE void event_page_fault(uint32_t iteration, uint64_t prepared) {
  (void)prepared;
  const uint64_t address = iteration % 4 == 3 ? GUEST_DEMAND_PAGE(0) : 0;
  uint64_t value;
  __asm__ volatile("1: mov (%1), %0\n2:\n" FAULT_FIXUP : "=r"(value) : "r"(address) : "memory");
}

ALWAYS_INLINE void event_divide(uint32_t iteration, uint64_t prepared) {
  (void)prepared;
  uint32_t quotient = iteration;
  uint32_t remainder = 0;
  __asm__ volatile("1: divl %2\n2:\n" FAULT_FIXUP
                   : "+a"(quotient), "+d"(remainder)
                   : "r"(0)
                   : "memory", "cc");
}

ALWAYS_INLINE uint64_t interrupts_seen(void) {
  return shared()->interrupts;
}

// These return the interrupts seen before the device was armed, so that one that comes at once is not missed.
ALWAYS_INLINE uint64_t arm_timer(uint32_t iteration, uint32_t early) {
  (void)iteration;
  const uint64_t seen = interrupts_seen();
  call_by_int80(SYSTEM_CALL_ARM_TIMER, early);
  return seen;
}

ALWAYS_INLINE uint64_t ring_doorbell(uint64_t mode, uint32_t early) {
  const uint64_t seen = interrupts_seen();
  call_by_int80_with(SYSTEM_CALL_RING_DOORBELL, mode, early);
  return seen;
}

ALWAYS_INLINE uint64_t ring_for_line(uint32_t iteration, uint32_t early) {
  (void)iteration;
  return ring_doorbell(GUEST_DOORBELL_LINE, early);
}

ALWAYS_INLINE uint64_t ring_for_msi(uint32_t iteration, uint32_t early) {
  (void)iteration;
  return ring_doorbell(GUEST_DOORBELL_MSI, early);
}

ALWAYS_INLINE uint64_t ring_for_irqfd(uint32_t iteration, uint32_t early) {
  (void)iteration;
  return ring_doorbell(GUEST_DOORBELL_IRQFD, early);
}

ALWAYS_INLINE bool interrupt_came(uint64_t seen) {
  return interrupts_seen() > seen;
}

ALWAYS_INLINE void await_interrupt(uint32_t iteration, uint64_t seen) {
  (void)iteration;
  AWAIT(GUEST_WAIT_INTERRUPT, interrupt_came(seen));
}

ALWAYS_INLINE uint64_t arm_nothing(uint32_t iteration, uint32_t early) {
  (void)iteration;
  (void)early;
  return interrupts_seen();
}

// Even: nothing at all lies between U0 and U3. Odd: one more stamp.
ALWAYS_INLINE void event_stamps(uint32_t iteration, uint64_t prepared) {
  (void)prepared;
  if (iteration % 2) stamp(GUEST_STAMP_NOTHING, 0, iteration);
}

// CLI needs privilege: a #GP that the kernel does not expect.
ALWAYS_INLINE void event_general_protection(uint32_t iteration, uint64_t prepared) {
  (void)iteration;
  (void)prepared;
  __asm__ volatile("cli" ::: "memory");
}

// The kernel's memory is not the user's: a page fault that the kernel does not expect.
ALWAYS_INLINE void event_kernel_touch(uint32_t iteration, uint64_t prepared) {
  (void)iteration;
  (void)prepared;
  (void)*(const volatile uint64_t*)GUEST_KERNEL_IMAGE;
}

// The kernel breaks its own tables, then this enters it.
ALWAYS_INLINE void event_kernel_loop(uint32_t iteration, uint64_t prepared) {
  (void)iteration;
  (void)prepared;
  call_by_int80(SYSTEM_CALL_KERNEL_LOOP, 0);
  call_by_int80(SYSTEM_CALL_NULL, 0);
}

DEFINE_WORKLOAD(int80, prepare_nothing, never_early, event_int80)
DEFINE_WORKLOAD(syscall, prepare_nothing, never_early, event_syscall)
DEFINE_WORKLOAD(page_fault, prepare_nothing, never_early, event_page_fault)
DEFINE_WORKLOAD(divide, prepare_nothing, never_early, event_divide)
DEFINE_WORKLOAD(timer, arm_timer, interrupt_came, await_interrupt)
DEFINE_WORKLOAD(device, ring_for_line, interrupt_came, await_interrupt)
DEFINE_WORKLOAD(device_msi, ring_for_msi, interrupt_came, await_interrupt)
DEFINE_WORKLOAD(device_irqfd, ring_for_irqfd, interrupt_came, await_interrupt)
DEFINE_WORKLOAD(never_interrupted, arm_nothing, interrupt_came, await_interrupt)
DEFINE_WORKLOAD(stamps, prepare_nothing, never_early, event_stamps)
DEFINE_WORKLOAD(kernel_touch, prepare_nothing, never_early, event_kernel_touch)
DEFINE_WORKLOAD(corrupt, prepare_nothing, never_early, event_kernel_loop)
DEFINE_WORKLOAD(general_protection, prepare_nothing, never_early, event_general_protection)

// Those that are missing here run in the kernel.
static const struct event_loops user_loops[GUEST_WORKLOAD_COUNT] = {
    [GUEST_WORKLOAD_INT80] = WORKLOAD_ENTRY(int80),
    [GUEST_WORKLOAD_SYSCALL] = WORKLOAD_ENTRY(syscall),
    [GUEST_WORKLOAD_PAGE_FAULT] = WORKLOAD_ENTRY(page_fault),
    [GUEST_WORKLOAD_DIVIDE] = WORKLOAD_ENTRY(divide),
    [GUEST_WORKLOAD_TIMER] = WORKLOAD_ENTRY(timer),
    [GUEST_WORKLOAD_DEVICE] = WORKLOAD_ENTRY(device),
    [GUEST_WORKLOAD_DEVICE_MSI] = WORKLOAD_ENTRY(device_msi),
    [GUEST_WORKLOAD_DEVICE_IRQFD] = WORKLOAD_ENTRY(device_irqfd),
    [GUEST_WORKLOAD_NEVER_INTERRUPTED] = WORKLOAD_ENTRY(never_interrupted),
    [GUEST_WORKLOAD_STAMPS] = WORKLOAD_ENTRY(stamps),
    [GUEST_WORKLOAD_KERNEL_TOUCH] = WORKLOAD_ENTRY(kernel_touch),
    [GUEST_WORKLOAD_CORRUPT_TABLE] = WORKLOAD_ENTRY(corrupt),
    [GUEST_WORKLOAD_CORRUPT_STACK] = WORKLOAD_ENTRY(corrupt),
    [GUEST_WORKLOAD_GENERAL_PROTECTION] = WORKLOAD_ENTRY(general_protection),
};

_Noreturn void user_main(uint32_t workload, uint32_t count, bool stamped) {
  if (workload >= GUEST_WORKLOAD_COUNT || user_loops[workload].bare == NULL) {
    call_by_int80(SYSTEM_CALL_KERNEL_LOOP, 0);
  } else if (stamped) {
    user_loops[workload].stamped(count);
  } else {
    user_loops[workload].bare(count);
  }
  for (;;)
    call_by_int80(SYSTEM_CALL_DONE, count);
}
