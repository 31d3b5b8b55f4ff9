// Boot: checks what it was given, touches all that stamped code will touch, and starts the first workload.
#include "vmm/guest/kernel.h"

#include <stddef.h>

#include "vmm/guest/counts.h"
#include "vmm/guest/panic.h"
#include "vmm/guest/platform.h"
#include "vmm/guest/serial.h"
#include "vmm/guest/stamp.h"
#include "vmm/guest/wait.h"

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

// Until the VMM ends the run. Interrupts are off outside of the halt: what `halted_at` says has been handled
// is all that there was, and one that comes now is pending and ends the HLT at once.
static _Noreturn void answer_ipis(void) {
  volatile struct guest_shared* const page = shared();
  prepare_interrupts(GUEST_WORKLOAD_IPI);
  for (uint64_t wakes = 0;;) {
    const uint64_t handled = page->interrupts;
    page->halted_at = handled;  // the sender waits for it
    ++page->idle;
    increment(counter(GUEST_COUNT_HLT, 0));
    halt_until_interrupt();
    if (page->interrupts > handled) {
      wakes = 0;
    } else {
      woken_for_nothing(++wakes);
    }
  }
}

_Noreturn void kernel_main(uint64_t vcpu) {
  check_params();
  touch_memory();
  prepare_platform();
  if (vcpu != 0) answer_ipis();
  if (params()->flags & GUEST_FLAG_GREET) greet();
  struct guest_trap_frame frame = {.cs = GUEST_USER_CS, .ss = GUEST_USER_SS};
  workload_start_first(&frame);
  leave_handler(&frame);
  enter_user(&frame);
}
