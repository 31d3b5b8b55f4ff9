#include "vmm/guest/platform.h"

#include <stddef.h>

#include "vmm/guest/apic.h"
#include "vmm/guest/counts.h"

#define RFLAGS_IF 0x200

// entry.S
extern void (*leave_isr)(void);
extern void leave_by_iret(void);
extern void leave_by_hypercall(void);
extern void syscall_callback(void);
extern const uint8_t isr_stubs[];

static volatile struct guest_events* events(void) {
  return (volatile struct guest_events*)GUEST_EVENTS(this_vcpu());
}

static bool entered_by_hardware(uint64_t vector) {
  return params()->platform == GUEST_PLATFORM_PV_DIRECT && (vector == 0 || vector == GUEST_VECTOR_INT80);
}

// ---- Boot -----------------------------------------------------------------------------------------------

static void load_idt(void) {
  const struct __attribute__((packed)) {
    uint16_t limit;
    uint64_t base;
  } idtr = {GUEST_IDT_BYTES - 1, GUEST_IDT};
  __asm__ volatile("lidt %0" ::"m"(idtr) : "memory");
}

// Vectors 0 to 31 and INT 0x80. The upcall and SYSCALL have callbacks.
static void register_with_hypervisor(void) {
  static struct guest_trap_info table[34];
  for (uint16_t vector = 0; vector <= 32; ++vector) {
    const uint16_t number = vector == 32 ? GUEST_VECTOR_INT80 : vector;
    table[vector].vector = number;
    table[vector].flags = vector == 32 ? GUEST_TRAP_USER : 0;
    table[vector].handler = (uint64_t)&isr_stubs[number * GUEST_ISR_STUB_BYTES];
  }
  events()->upcall_mask = 1;
  hypercall(GUEST_HYPERCALL_SET_TRAP_TABLE, (uint64_t)table, 0, 0);
  hypercall(GUEST_HYPERCALL_STACK_SWITCH, GUEST_KERNEL_STACK_TOP(this_vcpu()), 0, 0);
  hypercall(GUEST_HYPERCALL_SET_CALLBACKS, (uint64_t)&isr_stubs[GUEST_VECTOR_EVENT * GUEST_ISR_STUB_BYTES],
            (uint64_t)syscall_callback, 0);
}

void prepare_platform(void) {
  if (!paravirtual()) {
    load_idt();
    return;
  }
  if (params()->platform == GUEST_PLATFORM_PV) leave_isr = leave_by_hypercall;
  register_with_hypervisor();
}

void prepare_interrupts(uint32_t workload) {
  if (paravirtual()) return;  // channels need nothing
  switch (workload) {
    case GUEST_WORKLOAD_DEVICE:
      ioapic_prepare();
      lapic_prepare();
      break;
    case GUEST_WORKLOAD_TIMER:
    case GUEST_WORKLOAD_DEVICE_MSI:
    case GUEST_WORKLOAD_DEVICE_IRQFD:
    case GUEST_WORKLOAD_HLT:
    case GUEST_WORKLOAD_IPI:
    case GUEST_WORKLOAD_PRIVILEGED:
    case GUEST_WORKLOAD_NEVER_INTERRUPTED:
    case GUEST_WORKLOAD_NEVER_WOKEN:
    case GUEST_WORKLOAD_NEVER_ANSWERED:
      lapic_prepare();
      break;
    default:
      break;
  }
}

// ---- Handlers ---------------------------------------------------------------------------------------------
// Whoever enters a paravirtual kernel sets the upcall mask and puts its old value, the other way round, into
// the frame's IF, and whoever returns from it restores it: the hypervisor. Where hardware does either, the
// kernel does that itself.

void enter_handler(struct guest_trap_frame* frame) {
  if (!entered_by_hardware(frame->vector)) return;
  if (events()->upcall_mask != 0) frame->rflags &= ~(uint64_t)RFLAGS_IF;
  events()->upcall_mask = 1;
}

void leave_handler(const struct guest_trap_frame* frame) {
  if (params()->platform != GUEST_PLATFORM_PV_DIRECT || !(frame->rflags & RFLAGS_IF)) return;
  events()->upcall_mask = 0;
  // In this order: what becomes pending after the look comes as an upcall, because it is not masked now.
  if (events()->upcall_pending) hypercall(GUEST_HYPERCALL_EVENT_DELIVER, 0, 0, 0);
}

// ---- Interrupts -------------------------------------------------------------------------------------------

void arm_timer(uint32_t nanoseconds) {
  if (paravirtual()) {
    hypercall(GUEST_HYPERCALL_SET_TIMER, nanoseconds, 0, 0);
  } else {
    lapic_arm_timer(nanoseconds);
  }
}

void send_ipi(uint64_t vcpu) {
  if (paravirtual()) {
    hypercall(GUEST_HYPERCALL_EVENT_SEND, vcpu, GUEST_CHANNEL_IPI, 0);
  } else {
    lapic_send_ipi(vcpu);
  }
}

uint64_t take_pending_events(void) {
  events()->upcall_pending = 0;
  uint64_t pending = 0;
  __asm__ volatile("xchg %0, %1" : "+r"(pending), "+m"(events()->pending)::"memory");
  return pending & ~events()->mask;
}

// ---- Memory, and waiting ----------------------------------------------------------------------------------

uint64_t page_fault_address(void) {
  uint64_t address;
  if (paravirtual()) return events()->cr2;
  __asm__ volatile("mov %%cr2, %0" : "=r"(address));
  return address;
}

void invalidate_page(uint64_t address) {
  if (paravirtual()) {
    hypercall(GUEST_HYPERCALL_INVALIDATE_PAGE, address, 0, 0);
  } else {
    __asm__ volatile("invlpg (%0)" ::"r"(address) : "memory");
  }
}

void disable_interrupts(void) {
  if (paravirtual()) {
    events()->upcall_mask = 1;
  } else {
    __asm__ volatile("cli" ::: "memory");
  }
}

// STI holds interrupts off for one more instruction (AMD APM vol. 3, STI), so that none can slip in between
// it and HLT. GUEST_HYPERCALL_BLOCK unmasks upcalls and waits in one.
void halt_until_interrupt(void) {
  if (paravirtual()) {
    hypercall(GUEST_HYPERCALL_BLOCK, 0, 0, 0);
    events()->upcall_mask = 1;
  } else {
    __asm__ volatile("sti; hlt; cli" ::: "memory");
  }
}
