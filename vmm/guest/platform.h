// What the kernel needs privilege for, done as its platform does it: by the instruction that hardware has for
// it, or by asking the VMM. The workloads are the same above it.
#ifndef TRAPLINE_VMM_GUEST_PLATFORM_H
#define TRAPLINE_VMM_GUEST_PLATFORM_H

#include <stdbool.h>

#include "vmm/guest/abi.h"
#include "vmm/guest/cpu.h"
#include "vmm/guest/kernel.h"

ALWAYS_INLINE bool paravirtual(void) {
  return params()->platform >= GUEST_PLATFORM_PV;
}

// To the VMM, by the ABI of docs/paths.md.
ALWAYS_INLINE uint64_t hypercall(uint64_t number, uint64_t first, uint64_t second, uint64_t third) {
  __asm__ volatile("int %1"
                   : "+a"(number)
                   : "N"(GUEST_VECTOR_HYPERCALL), "D"(first), "S"(second), "d"(third)
                   : "memory");
  return number;
}

// To KVM (Documentation/virt/kvm/x86/hypercalls.rst). Each processor vendor has an instruction of its own;
// the other one's would be patched by KVM, in pages that are not writable here.
ALWAYS_INLINE uint64_t kvm_hypercall(uint64_t number, uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3) {
  if (params()->flags & GUEST_FLAG_VMCALL) {
    __asm__ volatile("vmcall" : "+a"(number) : "b"(a0), "c"(a1), "d"(a2), "S"(a3) : "memory");
  } else {
    __asm__ volatile("vmmcall" : "+a"(number) : "b"(a0), "c"(a1), "d"(a2), "S"(a3) : "memory");
  }
  return number;
}

// Once on each vCPU: the IDT, or trap table, stack and callbacks; how handlers return.
void prepare_platform(void);
// Only what the workload needs: an exit of another's device would be noise in its table.
void prepare_interrupts(uint32_t workload);

// Around every handler.
void enter_handler(struct guest_trap_frame* frame);
void leave_handler(const struct guest_trap_frame* frame);

void arm_timer(uint32_t nanoseconds);
void send_ipi(uint64_t vcpu);
// Event channels that are pending, which are not afterwards.
uint64_t take_pending_events(void);

uint64_t page_fault_address(void);
void invalidate_page(uint64_t address);
void disable_interrupts(void);
// Called with interrupts off; they are off again when it returns. One that is pending already ends it at
// once.
void halt_until_interrupt(void);

#endif
