// The local APIC through x2APIC MSRs, and one pin of the IOAPIC through its MMIO registers.
#ifndef TRAPLINE_VMM_GUEST_APIC_H
#define TRAPLINE_VMM_GUEST_APIC_H

#include <stdint.h>

// Enables this vCPU's LAPIC and sets its timer up as one-shot; at the second call nothing is left to do.
void lapic_prepare(void);
// Routes the doorbell's pin to its vector, edge-triggered; as above.
void ioapic_prepare(void);

void lapic_arm_timer(uint32_t nanoseconds);
void lapic_end_of_interrupt(void);
void lapic_send_ipi(uint64_t vcpu);

#endif
