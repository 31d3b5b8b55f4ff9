#include "vmm/guest/apic.h"

#include <stdbool.h>
#include <stddef.h>

#include "vmm/guest/counts.h"

// AMD APM vol. 2, table 16-6; Intel SDM vol. 3, table 11-6.
#define X2APIC_FIRST 0x800
#define X2APIC_EOI 0x80b
#define X2APIC_SPURIOUS 0x80f
#define X2APIC_LVT_TIMER 0x832
#define X2APIC_TIMER_INITIAL_COUNT 0x838
#define X2APIC_TIMER_DIVIDE 0x83e

#define SPURIOUS_APIC_ENABLED 0x100
#define TIMER_DIVIDE_BY_1 0xb  // KVM's APIC bus runs at 1 GHz (arch/x86/kvm/lapic.h, APIC_BUS_CYCLE_NS)

static void write_x2apic(uint32_t msr, uint32_t value) {
  static volatile uint64_t* counters[0x40];
  volatile uint64_t** const count = &counters[msr - X2APIC_FIRST];
  if (*count == NULL) *count = counter(GUEST_COUNT_MSR, msr);
  ++**count;
  __asm__ volatile("wrmsr" ::"c"(msr), "a"(value), "d"(0) : "memory");
}

void lapic_prepare(void) {
  static bool prepared;
  if (prepared) return;
  prepared = true;
  write_x2apic(X2APIC_SPURIOUS, SPURIOUS_APIC_ENABLED | GUEST_VECTOR_SPURIOUS);
  write_x2apic(X2APIC_TIMER_DIVIDE, TIMER_DIVIDE_BY_1);
  write_x2apic(X2APIC_LVT_TIMER, GUEST_VECTOR_TIMER);  // one-shot, not masked
}

void lapic_arm_timer(uint32_t nanoseconds) {
  write_x2apic(X2APIC_TIMER_INITIAL_COUNT, nanoseconds);
}

void lapic_end_of_interrupt(void) {
  write_x2apic(X2APIC_EOI, 0);
}

// 82093AA datasheet, 3.1 and 3.2.4: registers through an index and a window, two for each redirection entry.
static void write_ioapic(uint32_t index, uint32_t value) {
  write_mmio32(GUEST_IOAPIC, index);
  write_mmio32(GUEST_IOAPIC + 0x10, value);
}

void ioapic_prepare(void) {
  static bool prepared;
  if (prepared) return;
  prepared = true;
  const uint32_t entry = 0x10 + 2 * GUEST_DOORBELL_GSI;
  write_ioapic(entry + 1, 0);                // to the LAPIC with physical ID 0
  write_ioapic(entry, GUEST_VECTOR_DEVICE);  // fixed, active high, edge, not masked
}
