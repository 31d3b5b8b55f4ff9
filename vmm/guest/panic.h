// Giving up: says why over the serial port, then ends the run with the code.
#ifndef TRAPLINE_VMM_GUEST_PANIC_H
#define TRAPLINE_VMM_GUEST_PANIC_H

#include "vmm/guest/abi.h"

// `frame`, where there is one, is shown in the VMM's crash report.
_Noreturn void panic(enum guest_panic_code code, const struct guest_trap_frame* frame);

#endif
