// Which workload runs, and what starts after it.
#include <stddef.h>

#include "vmm/guest/counts.h"
#include "vmm/guest/kernel.h"
#include "vmm/guest/panic.h"
#include "vmm/guest/platform.h"
#include "vmm/guest/stamp.h"

#define RFLAGS_USER 0x202  // IF, and bit 1, which is always set

static uint32_t current;  // index into params()->workloads

uint32_t workload_running(void) {
  return params()->workloads[current].workload;
}
uint32_t workload_events(void) {
  return params()->workloads[current].count;
}

static void mark(enum guest_stamp_kind kind, uint32_t events) {
  if (stamps_wanted()) stamp(kind, 0, workload_running() | (uint64_t)events << 32);
}

static void announce(uint32_t workload) {
  for (uint64_t vcpu = 0; vcpu < params()->vcpus; ++vcpu)
    ((volatile struct guest_shared*)GUEST_SHARED(vcpu))->workload = workload;
}

static void start(struct guest_trap_frame* frame) {
  if (current >= params()->workload_count) {
    write_port32(GUEST_PORT_EXIT, 0);
    panic(GUEST_PANIC_NOT_ENDED, NULL);
  }
  prepare_interrupts(workload_running());
  announce(workload_running());
  mark(GUEST_STAMP_WORKLOAD_BEGIN, workload_events());
  frame->rip = (uint64_t)user_main;
  frame->rsp = GUEST_USER_STACK_TOP(0) - 8;  // as after a CALL: the ABI wants RSP + 8 aligned to 16
  frame->rflags = RFLAGS_USER;
  frame->rdi = workload_running();
  frame->rsi = workload_events();
  frame->rdx = stamps_wanted();
}

void workload_start_first(struct guest_trap_frame* frame) {
  start(frame);
}

void workload_done(struct guest_trap_frame* frame, uint32_t events) {
  *counter(GUEST_COUNT_EVENT, workload_running()) += events;
  mark(GUEST_STAMP_WORKLOAD_END, events);
  announce(GUEST_WORKLOAD_NONE);
  ++current;
  start(frame);
}
