// System calls: the number in RAX, arguments in RDI and RSI, the result in RAX.
#ifndef TRAPLINE_VMM_GUEST_SYSTEM_CALL_H
#define TRAPLINE_VMM_GUEST_SYSTEM_CALL_H

enum system_call {
  SYSTEM_CALL_NULL = 0,
  SYSTEM_CALL_ARM_TIMER = 1,      // how often the interrupt came early: the delay doubles with each
  SYSTEM_CALL_RING_DOORBELL = 2,  // GUEST_DOORBELL_*, and the same
  SYSTEM_CALL_KERNEL_LOOP = 3,    // runs the current workload's loop in the kernel
  SYSTEM_CALL_DONE = 4,           // events done; does not return: the next workload starts
  SYSTEM_CALL_GIVE_UP = 5,        // a wait reached its bound: panics; from the kernel, too
};

#endif
