#include "vmm/guest/apic.h"

#include <stdbool.h>
#include <stddef.h>

#include "vmm/guest/counts.h"
#include "vmm/guest/kernel.h"
#include "vmm/guest/platform.h"

// AMD APM vol. 2, table 16-6; Intel SDM vol. 3, table 11-6.
#define X2APIC_FIRST 0x800
#define X2APIC_EOI 0x80b
#define X2APIC_SPURIOUS 0x80f
#define X2APIC_INTERRUPT_COMMAND 0x830
#define X2APIC_LVT_TIMER 0x832
#define X2APIC_TIMER_INITIAL_COUNT 0x838
#define X2APIC_TIMER_DIVIDE 0x83e

#define SPURIOUS_APIC_ENABLED 0x100
#define TIMER_DIVIDE_BY_1 0xb  // KVM's APIC bus runs at 1 GHz (arch/x86/kvm/lapic.h, APIC_BUS_CYCLE_NS)

// `high` is the destination of an IPI, and 0 otherwise.
static void write_x2apic_pair(uint32_t msr, uint32_t value, uint32_t high) {
  static volatile uint64_t* counters[GUEST_MAX_VCPUS][0x40];
  volatile uint64_t** const count = &counters[this_vcpu()][msr - X2APIC_FIRST];
  if (*count == NULL) *count = counter(GUEST_COUNT_MSR, msr);
  increment(*count);
  __asm__ volatile("wrmsr" ::"c"(msr), "a"(value), "d"(high) : "memory");
}

static void write_x2apic(uint32_t msr, uint32_t value) {
  write_x2apic_pair(msr, value, 0);
}

// Documentation/virt/kvm/x86/msr.rst, MSR_KVM_PV_EOI_EN; hypercalls.rst, KVM_HC_SEND_IPI.
#define MSR_KVM_PV_EOI 0x4b564d04
#define KVM_PV_EOI_ENABLED 1
#define KVM_HC_SEND_IPI 10

static uint32_t pv_eoi[GUEST_MAX_VCPUS];  // bit 0: KVM wants no EOI for the interrupt in service

static void prepare_pv_eoi(void) {
  const uint64_t address = (uint64_t)&pv_eoi[this_vcpu()] | KVM_PV_EOI_ENABLED;
  increment(counter(GUEST_COUNT_MSR, MSR_KVM_PV_EOI));
  __asm__ volatile("wrmsr" ::"c"(MSR_KVM_PV_EOI), "a"((uint32_t)address), "d"((uint32_t)(address >> 32))
                   : "memory");
}

static bool pv_eoi_suffices(void) {
  bool was_set;
  __asm__ volatile("btrl $0, %1" : "=@ccc"(was_set), "+m"(pv_eoi[this_vcpu()])::"memory");
  return was_set;
}

void lapic_prepare(void) {
  static bool prepared[GUEST_MAX_VCPUS];
  if (prepared[this_vcpu()]) return;
  prepared[this_vcpu()] = true;
  if (params()->platform == GUEST_PLATFORM_KVM_PV) prepare_pv_eoi();
  write_x2apic(X2APIC_SPURIOUS, SPURIOUS_APIC_ENABLED | GUEST_VECTOR_SPURIOUS);
  write_x2apic(X2APIC_TIMER_DIVIDE, TIMER_DIVIDE_BY_1);
  write_x2apic(X2APIC_LVT_TIMER, GUEST_VECTOR_TIMER);  // one-shot, not masked
}

void lapic_arm_timer(uint32_t nanoseconds) {
  write_x2apic(X2APIC_TIMER_INITIAL_COUNT, nanoseconds);
}

void lapic_end_of_interrupt(void) {
  if (params()->platform == GUEST_PLATFORM_KVM_PV && pv_eoi_suffices()) return;
  write_x2apic(X2APIC_EOI, 0);
}

void lapic_send_ipi(uint64_t vcpu) {
  if (params()->platform == GUEST_PLATFORM_KVM_PV) {
    kvm_hypercall(KVM_HC_SEND_IPI, 1ULL << vcpu, 0, 0, GUEST_VECTOR_IPI);
  } else {
    write_x2apic_pair(X2APIC_INTERRUPT_COMMAND, GUEST_VECTOR_IPI, (uint32_t)vcpu);
  }
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
