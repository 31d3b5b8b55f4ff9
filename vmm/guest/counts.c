#include "vmm/guest/counts.h"

#include <stddef.h>

#include "vmm/guest/panic.h"
#include "vmm/guest/platform.h"

// Kind and key of a slot, as one number.
static volatile uint64_t* name_of(volatile struct guest_count* slot) {
  return (volatile uint64_t*)slot;
}

// A slot is taken in one instruction: an interrupt that counts may come at any point.
volatile uint64_t* counter(enum guest_count_kind kind, uint32_t key) {
  const uint64_t wanted = (uint64_t)kind | (uint64_t)key << 32;
  for (uint32_t i = 0; i < GUEST_COUNT_SLOTS; ++i) {
    volatile struct guest_count* const slot = &guest_counts()->slots[i];
    uint64_t name = *name_of(slot);
    if (name == 0) {
      __asm__ volatile("cmpxchg %2, %1" : "+a"(name), "+m"(*name_of(slot)) : "r"(wanted) : "cc");
      if (name == 0) name = wanted;
    }
    if (name == wanted) return &slot->count;
  }
  panic(GUEST_PANIC_COUNTS_FULL, NULL);
}

// What a paravirtual kernel asks the VMM for, the others do themselves.
static uint64_t write_port(uint16_t port, uint64_t bytes, uint32_t value) {
  increment(counter(GUEST_COUNT_IO, port));
  return hypercall(GUEST_HYPERCALL_PORT_WRITE, port, bytes, value);
}

void write_port8(uint16_t port, uint8_t value) {
  if (paravirtual()) {
    write_port(port, sizeof value, value);
    return;
  }
  increment(counter(GUEST_COUNT_IO, port));
  __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

void write_port32(uint16_t port, uint32_t value) {
  if (paravirtual()) {
    write_port(port, sizeof value, value);
    return;
  }
  increment(counter(GUEST_COUNT_IO, port));
  __asm__ volatile("outl %0, %1" ::"a"(value), "Nd"(port) : "memory");
}

uint8_t read_port8(uint16_t port) {
  uint8_t value;
  increment(counter(GUEST_COUNT_IO, port));
  if (paravirtual()) return (uint8_t)hypercall(GUEST_HYPERCALL_PORT_READ, port, sizeof value, 0);
  __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
  return value;
}

void write_mmio32(uint64_t address, uint32_t value) {
  increment(counter(GUEST_COUNT_MMIO, (uint32_t)address));
  // One plain MOV: KVM has to decode and emulate it.
  __asm__ volatile("movl %0, (%1)" ::"r"(value), "r"(address) : "memory");
}
