// What happens between the entry code's saving of registers and their restoring.
#include <stddef.h>

#include "vmm/guest/apic.h"
#include "vmm/guest/counts.h"
#include "vmm/guest/kernel.h"
#include "vmm/guest/panic.h"
#include "vmm/guest/platform.h"
#include "vmm/guest/stamp.h"

// AMD APM vol. 2, 5.3.3 and 5.4: present, writable, user, accessed, dirty, not executable.
#define DEMAND_PAGE_FLAGS 0x8000000000000067

struct fault_fixup {
  uint64_t faulting_rip;
  uint64_t resume_rip;
};
extern const struct fault_fixup fault_fixups[];
extern const struct fault_fixup fault_fixups_end[];

// Steps over an instruction that was written to fault; any other fault is a bug of ours.
static void step_over(struct guest_trap_frame* frame) {
  for (const struct fault_fixup* fixup = fault_fixups; fixup < fault_fixups_end; ++fixup) {
    if (fixup->faulting_rip == frame->rip) {
      frame->rip = fixup->resume_rip;
      return;
    }
  }
  panic(GUEST_PANIC_EXCEPTION, frame);
}

// A kernel without privilege gets it for instructions that need it, where no VMM emulates them.
static void general_protection(struct guest_trap_frame* frame) {
  step_over(frame);
}

static void divide_error(struct guest_trap_frame* frame) {
  step_over(frame);
}

// The demand page is mapped and its access restarted. A null dereference is stepped over; it also takes the
// demand page away again, so that the next access of it faults.
static void page_fault(struct guest_trap_frame* frame) {
  volatile uint64_t* const demand_pte = (volatile uint64_t*)params()->demand_pte;
  const uint64_t address = page_fault_address();
  if (address == GUEST_DEMAND_PAGE(0)) {
    *demand_pte = GUEST_DEMAND_PAGE(0) | DEMAND_PAGE_FLAGS;
    return;
  }
  if (address >= GUEST_PAGE_BYTES) panic(GUEST_PANIC_EXCEPTION, frame);
  *demand_pte = 0;
  invalidate_page(GUEST_DEMAND_PAGE(0));
  step_over(frame);
}

static void device_interrupt(struct guest_trap_frame* frame) {
  increment(&shared()->interrupts);
  if (stamps_wanted()) stamp(GUEST_STAMP_EOI, frame->vector, 0);
  lapic_end_of_interrupt();
}

// A paravirtual kernel's interrupts all come this way. Clearing the channel's bit is its EOI.
static void upcall(struct guest_trap_frame* frame) {
  uint64_t pending;
  while ((pending = take_pending_events()) != 0) {
    for (unsigned channel = 0; channel < GUEST_CHANNELS; ++channel) {
      if (!(pending >> channel & 1)) continue;
      increment(&shared()->interrupts);
      if (stamps_wanted()) stamp(GUEST_STAMP_EOI, frame->vector, 0);
    }
  }
}

// A spurious interrupt gets no EOI (Intel SDM vol. 3, 11.9); it is counted like all others.
static void spurious_interrupt(struct guest_trap_frame* frame) {
  (void)frame;
}

typedef void isr_function(struct guest_trap_frame* frame);

static isr_function* const handlers[GUEST_VECTOR_SYSCALL + 1] = {
    [0] = divide_error,
    [13] = general_protection,
    [14] = page_fault,
    [GUEST_VECTOR_TIMER] = device_interrupt,
    [GUEST_VECTOR_DEVICE] = device_interrupt,
    [GUEST_VECTOR_DEVICE_MSI] = device_interrupt,
    [GUEST_VECTOR_DEVICE_IRQFD] = device_interrupt,
    [GUEST_VECTOR_IPI] = device_interrupt,
    [GUEST_VECTOR_INT80] = system_call,
    [GUEST_VECTOR_EVENT] = upcall,
    [GUEST_VECTOR_SPURIOUS] = spurious_interrupt,
    [GUEST_VECTOR_SYSCALL] = system_call,
};

static void count_entry(uint64_t vector) {
  static volatile uint64_t* entries[GUEST_MAX_VCPUS][GUEST_VECTOR_SYSCALL + 1];
  volatile uint64_t** const entry = &entries[this_vcpu()][vector];
  if (*entry == NULL) *entry = counter(GUEST_COUNT_ISR, (uint32_t)vector);
  increment(*entry);
}

void isr(struct guest_trap_frame* frame) {
  const uint64_t vector = frame->vector;
  enter_handler(frame);
  if (stamps_wanted()) stamp(GUEST_STAMP_K1, vector, frame->rip);
  count_entry(vector);
  if (handlers[vector] == NULL) panic(GUEST_PANIC_EXCEPTION, frame);
  handlers[vector](frame);
  if (stamps_wanted()) stamp(GUEST_STAMP_K2, vector, frame->rip);
  leave_handler(frame);
}
