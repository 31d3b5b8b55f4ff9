// The guest's ground truth: everything that it does which may cause an exit goes through here and is counted,
// by the vCPU that does it.
#ifndef TRAPLINE_VMM_GUEST_COUNTS_H
#define TRAPLINE_VMM_GUEST_COUNTS_H

#include "vmm/guest/abi.h"
#include "vmm/guest/cpu.h"

ALWAYS_INLINE volatile struct guest_counts* guest_counts(void) {
  return (volatile struct guest_counts*)GUEST_COUNTS(this_vcpu());
}

// The counter of a kind and key, made at first use. A search: keep the pointer where it matters.
volatile uint64_t* counter(enum guest_count_kind kind, uint32_t key);

void write_port8(uint16_t port, uint8_t value);
void write_port32(uint16_t port, uint32_t value);
uint8_t read_port8(uint16_t port);
void write_mmio32(uint64_t address, uint32_t value);

#endif
