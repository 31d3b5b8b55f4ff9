// Workloads whose event is a privileged instruction: they run in the kernel, entered by one system call.
#include <stddef.h>

#include "vmm/guest/apic.h"
#include "vmm/guest/counts.h"
#include "vmm/guest/event_loop.h"
#include "vmm/guest/kernel.h"

// Kept where no search lies between U0 and the event.
static volatile uint64_t* event_counter;

static uint64_t count_event(uint32_t iteration) {
  ++*event_counter;
  return iteration;
}

static uint64_t count_and_arm(uint32_t iteration) {
  lapic_arm_timer(params()->timer_ns);
  return count_event(iteration);
}

ALWAYS_INLINE void write_pio_port(uint32_t iteration, uint64_t prepared) {
  (void)prepared;
  __asm__ volatile("outb %b0, %1" ::"a"(iteration), "N"(GUEST_PORT_PIO) : "memory");
}

ALWAYS_INLINE void read_cpuid_leaf_0(uint32_t iteration, uint64_t prepared) {
  (void)iteration;
  (void)prepared;
  uint32_t leaf = 0;
  uint32_t subleaf = 0;
  __asm__ volatile("cpuid" : "+a"(leaf), "+c"(subleaf)::"ebx", "edx", "memory");
}

// STI holds interrupts off for one more instruction (AMD APM vol. 3, STI), so that the timer ends the HLT and
// cannot slip in before it. Interrupts are off again when the next timer is armed.
ALWAYS_INLINE void halt_until_interrupt(uint32_t iteration, uint64_t prepared) {
  (void)iteration;
  (void)prepared;
  __asm__ volatile("sti; hlt; cli" ::: "memory");
}

DEFINE_WORKLOAD(pio, count_event, never_early, write_pio_port)
DEFINE_WORKLOAD(cpuid, count_event, never_early, read_cpuid_leaf_0)
DEFINE_WORKLOAD(hlt, count_and_arm, never_early, halt_until_interrupt)

// Without an IDT the first exception cannot be delivered, nor the double fault that follows.
static void triple_fault(uint32_t count) {
  (void)count;
  static const struct __attribute__((packed)) {
    uint16_t limit;
    uint64_t base;
  } no_idt;
  __asm__ volatile("lidt %0; int3" ::"m"(no_idt));
}

static const struct kernel_loop_entry {
  struct event_loops loops;
  enum guest_count_kind count_kind;
  uint32_t count_key;
} kernel_loops[GUEST_WORKLOAD_COUNT] = {
    [GUEST_WORKLOAD_PIO] = {WORKLOAD_ENTRY(pio), GUEST_COUNT_IO, GUEST_PORT_PIO},
    [GUEST_WORKLOAD_CPUID] = {WORKLOAD_ENTRY(cpuid), GUEST_COUNT_CPUID, 0},
    [GUEST_WORKLOAD_HLT] = {WORKLOAD_ENTRY(hlt), GUEST_COUNT_HLT, 0},
    [GUEST_WORKLOAD_TRIPLE_FAULT] = {{triple_fault, triple_fault},
                                     GUEST_COUNT_EVENT,
                                     GUEST_WORKLOAD_TRIPLE_FAULT},
};

void kernel_loop(uint32_t workload, uint32_t count) {
  if (workload >= GUEST_WORKLOAD_COUNT || kernel_loops[workload].loops.bare == NULL) return;
  const struct kernel_loop_entry* const entry = &kernel_loops[workload];
  event_counter = counter(entry->count_kind, entry->count_key);
  if (stamps_wanted()) {
    entry->loops.stamped(count);
  } else {
    entry->loops.bare(count);
  }
}
