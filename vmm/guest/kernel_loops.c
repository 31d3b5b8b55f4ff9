// Workloads whose event is a privileged instruction: they run in the kernel, entered by one system call.
#include <stddef.h>

#include "vmm/guest/counts.h"
#include "vmm/guest/event_loop.h"
#include "vmm/guest/fault_fixup.h"
#include "vmm/guest/kernel.h"
#include "vmm/guest/platform.h"
#include "vmm/guest/wait.h"

// Documentation/virt/kvm/x86/hypercalls.rst.
#define KVM_HC_VAPIC_POLL_IRQ 1

// Kept where no search lies between U0 and the event.
static volatile uint64_t* event_counter;

static uint64_t count_event(uint32_t iteration, uint32_t early) {
  (void)early;
  increment(event_counter);
  return iteration;
}

// Interrupts are off: none comes before the HLT. Returns the interrupts handled so far.
static uint64_t count_and_arm(uint32_t iteration, uint32_t early) {
  arm_timer(params()->timer_ns);
  count_event(iteration, early);
  return shared()->interrupts;
}

static uint64_t count_and_arm_nothing(uint32_t iteration, uint32_t early) {
  count_event(iteration, early);
  return shared()->interrupts;
}

ALWAYS_INLINE void write_pio_port(uint32_t iteration, uint64_t prepared) {
  (void)prepared;
  if (paravirtual()) {
    hypercall(GUEST_HYPERCALL_PORT_WRITE, GUEST_PORT_PIO, 1, iteration & 0xff);
  } else {
    __asm__ volatile("outb %b0, %1" ::"a"(iteration), "N"(GUEST_PORT_PIO) : "memory");
  }
}

ALWAYS_INLINE void write_device_page(uint32_t iteration, uint64_t prepared) {
  (void)prepared;
  __asm__ volatile("movl %0, (%1)" ::"r"(iteration), "r"((uint64_t)GUEST_MMIO) : "memory");
}

ALWAYS_INLINE void read_cpuid_leaf_0(uint32_t iteration, uint64_t prepared) {
  (void)iteration;
  (void)prepared;
  uint32_t leaf = 0;
  uint32_t subleaf = 0;
  __asm__ volatile("cpuid" : "+a"(leaf), "+c"(subleaf)::"ebx", "edx", "memory");
}

// Whoever is the hypervisor here answers: KVM, which knows the number and has nothing to do for it, or the
// monitor or VMM.
ALWAYS_INLINE void call_hypervisor(uint32_t iteration, uint64_t prepared) {
  (void)iteration;
  (void)prepared;
  if (paravirtual()) {
    hypercall(GUEST_HYPERCALL_NULL, 0, 0, 0);
  } else {
    kvm_hypercall(KVM_HC_VAPIC_POLL_IRQ, 0, 0, 0, 0);
  }
}

// The timer ends it. Interrupts are off again when the next one is armed. A HLT that ends for anything else
// is executed again.
ALWAYS_INLINE void halt(uint32_t iteration, uint64_t handled) {
  (void)iteration;
  for (uint64_t wakes = 1;; ++wakes) {
    halt_until_interrupt();
    if (shared()->interrupts > handled) return;
    woken_for_nothing(wakes);
    increment(event_counter);
  }
}

#define IPI_TARGET 1
#define IPI_SETTLE_TICKS 20000  // TSC: from the target's word that it will halt to its being halted, amply

ALWAYS_INLINE volatile struct guest_shared* ipi_target(void) {
  return (volatile struct guest_shared*)GUEST_SHARED(IPI_TARGET);
}

// Until the target has handled all that came and halts again. Returns how many interrupts it has handled.
static uint64_t await_halted_target(uint32_t iteration, uint32_t early) {
  (void)iteration;
  (void)early;
  AWAIT(GUEST_WAIT_TARGET_HALTED,
        ipi_target()->idle != 0 && ipi_target()->halted_at >= ipi_target()->interrupts);
  const uint64_t since = ordered_tsc();
  AWAIT(GUEST_WAIT_SETTLE, ordered_tsc() - since >= IPI_SETTLE_TICKS);
  return ipi_target()->interrupts;
}

// Until it has handled at least one more and is about to halt.
ALWAYS_INLINE void await_answer(uint32_t iteration, uint64_t handled) {
  (void)iteration;
  AWAIT(GUEST_WAIT_TARGET_HANDLED, ipi_target()->halted_at > handled);
}

ALWAYS_INLINE void send_and_await(uint32_t iteration, uint64_t handled) {
  send_ipi(IPI_TARGET);
  await_answer(iteration, handled);
}

DEFINE_WORKLOAD(pio, count_event, never_early, write_pio_port)
DEFINE_WORKLOAD(mmio, count_event, never_early, write_device_page)
DEFINE_WORKLOAD(cpuid, count_event, never_early, read_cpuid_leaf_0)
DEFINE_WORKLOAD(hypercall, count_event, never_early, call_hypervisor)
DEFINE_WORKLOAD(hlt, count_and_arm, never_early, halt)
DEFINE_WORKLOAD(ipi, await_halted_target, never_early, send_and_await)
DEFINE_WORKLOAD(never_woken, count_and_arm_nothing, never_early, halt)
DEFINE_WORKLOAD(never_answered, await_halted_target, never_early, await_answer)

// ---- Of the tests
// -------------------------------------------------------------------------------------------

// Without an IDT the first exception cannot be delivered, nor the double fault that follows.
static void triple_fault(uint32_t count) {
  (void)count;
  static const struct __attribute__((packed)) {
    uint16_t limit;
    uint64_t base;
  } no_idt;
  __asm__ volatile("lidt %0; int3" ::"m"(no_idt));
}

#define TRY(instruction, ...) __asm__ volatile("1: " instruction "\n2:\n" FAULT_FIXUP __VA_ARGS__)

// Each instruction that a kernel without privilege must not be able to execute, once per round. Where a #GP
// is all that comes of it, the fixup steps over.
static void execute_privileged(uint32_t count) {
  uint64_t scratch = 0;
  struct __attribute__((packed)) {
    uint16_t limit;
    uint64_t base;
  } table = {GUEST_IDT_BYTES - 1, GUEST_IDT};
  for (uint32_t i = 0; i < count; ++i) {
    if (!paravirtual()) arm_timer(params()->timer_ns);
    TRY("sti", ::: "memory");
    TRY("hlt", ::: "memory");
    TRY("cli", ::: "memory");
    TRY("inb %1, %b0", : "+a"(scratch) : "N"(GUEST_PORT_PIO));
    TRY("outb %b0, %1", ::"a"(scratch), "N"(GUEST_PORT_PIO));
    TRY("rdmsr", : "+a"(scratch) : "c"(0x802) : "rdx");  // x2APIC ID
    TRY("wrmsr", ::"c"(0x80f), "a"(0x1ff), "d"(0));      // x2APIC SVR, as lapic_prepare has it
    if (!paravirtual()) increment(counter(GUEST_COUNT_MSR, 0x80f));
    TRY("swapgs", ::: "memory");
    TRY("swapgs", ::: "memory");
    TRY("invlpg (%0)", ::"r"(GUEST_DEMAND_PAGE(0ULL)) : "memory");
    TRY("mov %%cr3, %0", : "+r"(scratch));
    if (!paravirtual()) TRY("mov %0, %%cr3", ::"r"(scratch) : "memory");
    TRY("mov %%dr7, %0", : "+r"(scratch));
    TRY("mov %0, %%dr3", ::"r"(0ULL));
    TRY("clts", ::: "memory");
    TRY("lidt %0", ::"m"(table));
    // The classic holes: these need no privilege, and tell or lose what a kernel should not be told or lose.
    TRY("pushf; popf", ::: "memory");  // IF is dropped in silence
    TRY("sgdt %0", : "=m"(table));
    TRY("mov %%cs, %0", : "=r"(scratch));
    table.limit = GUEST_IDT_BYTES - 1;
    table.base = GUEST_IDT;
    if (!paravirtual()) continue;
    // The VMM of the emulate path takes these two once, below: their tables are not used again.
    TRY("mov %0, %%cr3", ::"r"(scratch) : "memory");
    TRY("lgdt %0", ::"m"(table));
    TRY("ltr %w0", ::"r"(GUEST_TSS_SELECTOR));
  }
  if (paravirtual()) return;
  table.limit = GUEST_GDT_BYTES - 1;
  table.base = GUEST_GDT;
  TRY("lgdt %0", ::"m"(table));
  TRY("ltr %w0", ::"r"(GUEST_TSS_SELECTOR));
}

#define UNMAPPED 0x7f0000000000

// The entry for INT 0x80, or the whole table.
static void corrupt_table(uint32_t count) {
  (void)count;
  if (paravirtual()) {
    hypercall(GUEST_HYPERCALL_SET_TRAP_TABLE, UNMAPPED, 0, 0);
  } else {
    volatile uint64_t* const gate = (volatile uint64_t*)(GUEST_IDT + GUEST_VECTOR_INT80 * 16);
    gate[0] = 0;
    gate[1] = 0;
  }
}

// The stack that traps from user mode come on.
static void corrupt_stack(uint32_t count) {
  (void)count;
  if (paravirtual()) {
    hypercall(GUEST_HYPERCALL_STACK_SWITCH, UNMAPPED, 0, 0);
  } else {
    *(volatile uint32_t*)(GUEST_TSS(0) + 8) = UNMAPPED >> 32;  // TSS.RSP0 lies at 4 (AMD APM vol. 2, 12.2.5)
  }
}

static const struct kernel_loop_entry {
  struct event_loops loops;
  enum guest_count_kind count_kind;
  uint32_t count_key;
} kernel_loops[GUEST_WORKLOAD_COUNT] = {
    [GUEST_WORKLOAD_PIO] = {WORKLOAD_ENTRY(pio), GUEST_COUNT_IO, GUEST_PORT_PIO},
    [GUEST_WORKLOAD_CPUID] = {WORKLOAD_ENTRY(cpuid), GUEST_COUNT_CPUID, 0},
    [GUEST_WORKLOAD_HLT] = {WORKLOAD_ENTRY(hlt), GUEST_COUNT_HLT, 0},
    [GUEST_WORKLOAD_MMIO] = {WORKLOAD_ENTRY(mmio), GUEST_COUNT_MMIO, GUEST_MMIO},
    [GUEST_WORKLOAD_HYPERCALL] = {WORKLOAD_ENTRY(hypercall), GUEST_COUNT_HYPERCALL, 0},
    [GUEST_WORKLOAD_IPI] = {WORKLOAD_ENTRY(ipi), GUEST_COUNT_NONE, 0},
    [GUEST_WORKLOAD_PRIVILEGED] = {{execute_privileged, execute_privileged}, GUEST_COUNT_NONE, 0},
    [GUEST_WORKLOAD_CORRUPT_TABLE] = {{corrupt_table, corrupt_table}, GUEST_COUNT_NONE, 0},
    [GUEST_WORKLOAD_CORRUPT_STACK] = {{corrupt_stack, corrupt_stack}, GUEST_COUNT_NONE, 0},
    [GUEST_WORKLOAD_NEVER_WOKEN] = {WORKLOAD_ENTRY(never_woken), GUEST_COUNT_HLT, 0},
    [GUEST_WORKLOAD_NEVER_ANSWERED] = {WORKLOAD_ENTRY(never_answered), GUEST_COUNT_NONE, 0},
    [GUEST_WORKLOAD_TRIPLE_FAULT] = {{triple_fault, triple_fault}, GUEST_COUNT_NONE, 0},
};

void kernel_loop(uint32_t workload, uint32_t count) {
  if (workload >= GUEST_WORKLOAD_COUNT || kernel_loops[workload].loops.bare == NULL) return;
  const struct kernel_loop_entry* const entry = &kernel_loops[workload];
  if (entry->count_kind != GUEST_COUNT_NONE) event_counter = counter(entry->count_kind, entry->count_key);
  if (stamps_wanted()) {
    entry->loops.stamped(count);
  } else {
    entry->loops.bare(count);
  }
}
