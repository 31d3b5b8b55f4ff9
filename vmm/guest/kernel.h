// What the kernel's rooms share.
#ifndef TRAPLINE_VMM_GUEST_KERNEL_H
#define TRAPLINE_VMM_GUEST_KERNEL_H

#include <stdbool.h>

#include "vmm/guest/abi.h"
#include "vmm/guest/cpu.h"

ALWAYS_INLINE const struct guest_params* params(void) {
  return (const struct guest_params*)GUEST_PARAMS;
}
ALWAYS_INLINE bool stamps_wanted(void) {
  return (params()->flags & GUEST_FLAG_STAMPS) != 0;
}

// entry.S
_Noreturn void enter_user(const struct guest_trap_frame* frame);

// isr.c: whether the interrupted code had interrupts on is restored by leaving the handler.
void isr(struct guest_trap_frame* frame);

// workload.c
void workload_start_first(struct guest_trap_frame* frame);
// Ends the running workload and makes the frame start the next one in user mode; after the last, ends the
// run.
void workload_done(struct guest_trap_frame* frame, uint32_t events);
uint32_t workload_running(void);
uint32_t workload_events(void);

// kernel_loops.c
void kernel_loop(uint32_t workload, uint32_t count);

// system_call.c
void system_call(struct guest_trap_frame* frame);

// user_program.c
_Noreturn void user_main(uint32_t workload, uint32_t count, bool stamped);

#endif
