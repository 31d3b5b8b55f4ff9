// Which workload runs, and what starts after it.
#include "vmm/guest/apic.h"
#include "vmm/guest/counts.h"
#include "vmm/guest/kernel.h"
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

// Only what the workload needs: an exit of another's device would be noise in its table.
static void prepare_devices(uint32_t workload) {
  switch (workload) {
    case GUEST_WORKLOAD_DEVICE:
      ioapic_prepare();
      lapic_prepare();
      break;
    case GUEST_WORKLOAD_TIMER:
    case GUEST_WORKLOAD_DEVICE_MSI:
    case GUEST_WORKLOAD_HLT:
      lapic_prepare();
      break;
    default:
      break;
  }
}

static void start(struct guest_trap_frame* frame) {
  if (current >= params()->workload_count) {
    write_port32(GUEST_PORT_EXIT, 0);
    stop_for_ever();
  }
  prepare_devices(workload_running());
  shared()->workload = workload_running();
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
  shared()->workload = GUEST_WORKLOAD_NONE;
  ++current;
  start(frame);
}
