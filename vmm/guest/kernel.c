// Boot: checks what it was given, touches all that stamped code will touch, and starts the first workload.
#include "vmm/guest/kernel.h"

#include <stddef.h>

#include "vmm/guest/counts.h"
#include "vmm/guest/panic.h"
#include "vmm/guest/platform.h"
#include "vmm/guest/serial.h"
#include "vmm/guest/stamp.h"

static void check_params(void) {
  if (params()->magic != GUEST_PARAMS_MAGIC || params()->workload_count > GUEST_MAX_WORKLOADS) {
    panic(GUEST_PANIC_PARAMS, NULL);
  }
}

static void greet(void) {
  print("trapline nano-kernel: ");
  print_hex(params()->workload_count);
  print(stamps_wanted() ? " workloads, stamps on\n" : " workloads, stamps off\n");
}

// The first touch of a page is a nested page fault, and one that hits while an event is delivered makes KVM
// deliver it again: take them all now. Reading is enough, KVM maps a page writable when the host has it
// writable.
static void touch_memory(void) {
  const uint64_t ring = GUEST_RING(this_vcpu());
  const uint64_t ring_end = ring + shared()->capacity * sizeof(struct guest_stamp);
  for (uint64_t page = ring; page < ring_end; page += GUEST_PAGE_BYTES)
    (void)*(const volatile uint8_t*)page;
  for (uint64_t page = GUEST_PAGE_BYTES; page < GUEST_RING(0); page += GUEST_PAGE_BYTES) {
    if (page >= GUEST_DEMAND_PAGE(0) && page < GUEST_DEMAND_PAGE(GUEST_MAX_VCPUS)) continue;
    (void)*(const volatile uint8_t*)page;
  }
}

// Waits for interrupts, and for nothing else, until the VMM ends the run.
static _Noreturn void idle_for_ever(void) {
  prepare_interrupts(GUEST_WORKLOAD_IPI);
  for (;;) {
    ++shared()->idle;  // tells the sender that the last one is over, and that this one may come
    ++*counter(GUEST_COUNT_HLT, 0);
    halt_until_interrupt();
  }
}

_Noreturn void kernel_main(uint64_t vcpu) {
  check_params();
  touch_memory();
  prepare_platform();
  if (vcpu != 0) idle_for_ever();
  if (params()->flags & GUEST_FLAG_GREET) greet();
  struct guest_trap_frame frame = {.cs = GUEST_USER_CS, .ss = GUEST_USER_SS};
  workload_start_first(&frame);
  leave_handler(&frame);
  enter_user(&frame);
}
