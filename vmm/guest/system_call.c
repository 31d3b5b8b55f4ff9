#include "vmm/guest/system_call.h"

#include "vmm/guest/counts.h"
#include "vmm/guest/kernel.h"
#include "vmm/guest/panic.h"
#include "vmm/guest/platform.h"

static void call_null(struct guest_trap_frame* frame) {
  frame->rax = 0;
}

// Where a round trip takes longer than the delay, every interrupt would come before it is awaited, for ever.
static uint32_t doubled(uint32_t delay, uint64_t times) {
  const uint64_t longer = (uint64_t)(delay > 0 ? delay : 1) << (times < 31 ? times : 31);
  return longer < UINT32_MAX ? (uint32_t)longer : UINT32_MAX;
}

static void call_arm_timer(struct guest_trap_frame* frame) {
  arm_timer(doubled(params()->timer_ns, frame->rdi));
}

static void call_ring_doorbell(struct guest_trap_frame* frame) {
  write_port32(GUEST_PORT_DOORBELL_DELAY, doubled(params()->doorbell_us, frame->rsi));
  write_port32(GUEST_PORT_DOORBELL_RING, (uint32_t)frame->rdi);
}

static void call_kernel_loop(struct guest_trap_frame* frame) {
  (void)frame;
  kernel_loop(workload_running(), workload_events());
}

static void call_done(struct guest_trap_frame* frame) {
  workload_done(frame, (uint32_t)frame->rdi);
}

static void call_give_up(struct guest_trap_frame* frame) {
  panic(GUEST_PANIC_WAIT, frame);
}

typedef void system_call_function(struct guest_trap_frame* frame);

static system_call_function* const sys_call_table[] = {
    [SYSTEM_CALL_NULL] = call_null,
    [SYSTEM_CALL_ARM_TIMER] = call_arm_timer,
    [SYSTEM_CALL_RING_DOORBELL] = call_ring_doorbell,
    [SYSTEM_CALL_KERNEL_LOOP] = call_kernel_loop,
    [SYSTEM_CALL_DONE] = call_done,
    [SYSTEM_CALL_GIVE_UP] = call_give_up,
};

void system_call(struct guest_trap_frame* frame) {
  if (frame->rax >= sizeof sys_call_table / sizeof sys_call_table[0]) panic(GUEST_PANIC_SYSTEM_CALL, frame);
  sys_call_table[frame->rax](frame);
}
