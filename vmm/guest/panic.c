#include "vmm/guest/panic.h"

#include <stdbool.h>

#include "vmm/guest/counts.h"
#include "vmm/guest/platform.h"
#include "vmm/guest/serial.h"

static const char* const reasons[] = {
    [GUEST_PANIC_EXCEPTION] = "unexpected exception",
    [GUEST_PANIC_PARAMS] = "bad parameters",
    [GUEST_PANIC_COUNTS_FULL] = "no room for another counter",
    [GUEST_PANIC_SYSTEM_CALL] = "no such system call",
    [GUEST_PANIC_WAIT] = "waited too long",
    [GUEST_PANIC_NOT_ENDED] = "entered again after the run had ended",
};

void panic(enum guest_panic_code code, const struct guest_trap_frame* frame) {
  static bool panicking;
  disable_interrupts();
  // A port write counts, and a counter that finds no room panics: once is enough.
  if (!panicking) {
    panicking = true;
    volatile struct guest_panic* const said = (volatile struct guest_panic*)GUEST_PANIC;
    said->frame = (uint64_t)frame;
    said->vcpu = this_vcpu();
    print("trapline nano-kernel: panic: ");
    print(reasons[code]);
    if (frame) {
      print(", vector ");
      print_hex(frame->vector);
      print(" at ");
      print_hex(frame->rip);
    }
    print("\n");
    write_port32(GUEST_PORT_EXIT, code);
  }
  // Only a panic within the panic comes here.
  for (;;) {
    if (paravirtual()) hypercall(GUEST_HYPERCALL_PORT_WRITE, GUEST_PORT_EXIT, sizeof(uint32_t), code);
    __asm__ volatile("outl %0, %1" ::"a"((uint32_t)code), "Nd"((uint16_t)GUEST_PORT_EXIT) : "memory");
  }
}
