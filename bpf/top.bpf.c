// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The probes of `trapline top`: each exit -> entry cycle is added to a row for its vCPU and its kind, and
 * nothing is handed out: user space reads the rows when it likes. The same tracepoints, threads and VMs as in
 * probes.bpf.c.
 */
#include "kernel_types.h"
#define __VMLINUX_H__
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "control.h"
#include "raise.h"
#include "slot.h"
#include "top.h"
#include "user_exit.h"
#include "vmcb.h"
#include "vmx.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Rows there are, a power of two; set with the map's size before loading. */
const volatile trl_u32 row_count = 1;

/* An open-addressed table of our own: an array's elements are had without a call, and user space sees them
 * all. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, struct trl_top_row);
} rows SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, TRL_VCPUS);
  __type(key, u32);
  __type(value, struct trl_top_vcpu);
} top_vcpus SEC(".maps");

/* Exits, and injections and acceptances, for which no row was free: they are counted here only. */
trl_u64 exits_without_row;
trl_u64 vectors_without_row;
/* Interrupts of which nothing tells whose they are. */
trl_u64 unattributed;

static __always_inline void count_unattributed(void) {
  __sync_fetch_and_add(&unattributed, 1);
}

/* ---- Rows ---- */

#define ROW_PROBES 16

static __always_inline u32 row_index(u64 key) {
  return (u32)((key * 0x9e3779b97f4a7c15ull) >> 32) & (row_count - 1);
}

/* Looks at all places, since rows in between may have been freed, before it takes a new one. */
static __noinline struct trl_top_row* row_search(u64 key) {
  u32 start = row_index(key);

  for (u32 i = 0; i < ROW_PROBES; i++) {
    u32 index = (start + i) & (row_count - 1);
    struct trl_top_row* row = bpf_map_lookup_elem(&rows, &index);

    if (row && row->key == key) return row;
  }
  for (u32 i = 0; i < ROW_PROBES; i++) {
    u32 index = (start + i) & (row_count - 1);
    struct trl_top_row* row = bpf_map_lookup_elem(&rows, &index);

    if (row && row->key == 0 && __sync_val_compare_and_swap(&row->key, 0, key) == 0) return row;
  }
  return 0;
}

static __always_inline struct trl_top_row* row_of(u64 key) {
  u32 index = row_index(key);
  struct trl_top_row* row = bpf_map_lookup_elem(&rows, &index);

  if (row && row->key == key) return row;
  return row_search(key);
}

/* base/log_linear.h, with TRL_TOP_STEP_BITS */
static __always_inline u32 bucket_of(u64 ns) {
  u64 rest = ns;
  u32 bits = 0;
  u32 bucket;

#define HALVE(width)       \
  do {                     \
    if (rest >> (width)) { \
      rest >>= (width);    \
      bits += (width);     \
    }                      \
  } while (0)
  HALVE(32);
  HALVE(16);
  HALVE(8);
  HALVE(4);
  HALVE(2);
  HALVE(1);
#undef HALVE
  if (bits < TRL_TOP_STEP_BITS) return (u32)ns;
  bits -= TRL_TOP_STEP_BITS;
  bucket = (bits + 1) * TRL_TOP_STEPS + ((u32)(ns >> bits) & (TRL_TOP_STEPS - 1));
  return bucket < TRL_TOP_BUCKETS ? bucket : TRL_TOP_BUCKETS - 1;
}

static __always_inline void add_duration(struct trl_top_row* row, u64 ns) {
  u32 bucket = bucket_of(ns);

  row->timed++;
  row->total_ns += ns;
  if (ns > row->max_ns) row->max_ns = ns;
  /* The compiler may have thrown away the comparison that the verifier needs. */
  barrier_var(bucket);
  if (bucket < TRL_TOP_BUCKETS) row->histogram[bucket]++;
}

/* ---- Exits ---- */

/* SVM_EXIT_IOIO; Intel SDM Vol. 3D, table C-1 */
#define SVM_EXIT_IOIO 0x7b
#define VMX_EXIT_IO_INSTRUCTION 30
#define VMX_FAILED_ENTRY (1u << 31)

static __always_inline u64 key_of_exit(u16 number, u32 reason, u64 info1) {
  u64 key = (u64)(number + 1) << TRL_TOP_VCPU_SHIFT | (u64)TRL_TOP_EXIT << TRL_TOP_KIND_SHIFT;
  u32 code = isa_is_vmx                      ? reason & VMX_BASIC_REASON
             : reason > TRL_TOP_OTHER_REASON ? TRL_TOP_OTHER_REASON
                                             : reason;

  if (isa_is_vmx && reason & VMX_FAILED_ENTRY)
    return key | (u64)code << TRL_TOP_REASON_SHIFT | TRL_TOP_FAILED_ENTRY;
  if (code == (isa_is_vmx ? VMX_EXIT_IO_INSTRUCTION : SVM_EXIT_IOIO))
    key |= (info1 & 0x7f) << 16 | (info1 >> 16 & 0xffff);
  return key | (u64)code << TRL_TOP_REASON_SHIFT;
}

/* After a shutdown (a triple fault) KVM has cleared the VMCB (svm.c, shutdown_interception). */
static __always_inline u32 reason_of(const struct slot* slot, u32 reason) {
  return !isa_is_vmx && slot->user_exit_ns && slot->user_reason == KVM_EXIT_SHUTDOWN ? SVM_EXIT_SHUTDOWN
                                                                                     : reason;
}

static __always_inline void count_exit(const struct slot* slot, u32 reason, u64 info1, u64 entry_ns) {
  struct trl_top_row* row = row_of(key_of_exit(slot->number, reason, info1));

  if (!row) {
    __sync_fetch_and_add(&exits_without_row, 1);
    return;
  }
  row->count++;
  if (slot->user_exit_ns) {
    row->to_user++;
    row->user_ns += entry_ns - slot->user_exit_ns;
  }
  add_duration(row, entry_ns - slot->exit_ns);
}

/* ---- Vectors ---- */

/* Type and vector of an event field: tracer/exits/events.h */
#define EVENT_VALID (1u << 31)
#define EVENT_IDENTITY 0x7ff

static __always_inline struct trl_top_row* row_of_vector(u16 number, u32 event) {
  struct trl_top_row* row = row_of((u64)(number + 1) << TRL_TOP_VCPU_SHIFT |
                                   (u64)TRL_TOP_VECTOR << TRL_TOP_KIND_SHIFT | (event & EVENT_IDENTITY));

  if (!row) __sync_fetch_and_add(&vectors_without_row, 1);
  return row;
}

static __always_inline void count_injection(const struct slot* slot, u32 event, u64 entry_ns) {
  struct trl_top_row* row = event & EVENT_VALID ? row_of_vector(slot->number, event) : 0;
  u64 since;

  if (!row) return;
  row->count++;
  since = row->waits_since_ns;
  if (!since) return;
  row->waits_since_ns = 0;
  if (entry_ns > since) add_duration(row, entry_ns - since);
}

/* Where the tracepoint says `apicid`, KVM passes the target's vcpu_id (lapic.c, __apic_accept_irq). */
static __always_inline int count_accepted(u32 vcpu_id, u8 vector, bool posted) {
  u32 vm = vm_of_interrupt(slot_find(bpf_get_current_task()));
  struct trl_top_row* row;
  u32 number;

  if (vm == TRL_NO_VM || !vcpu_is_wanted(vcpu_id)) return 0;
  number = vcpu_number(vm, vcpu_id, 0);
  row = number == TRL_NO_VCPU ? 0 : row_of_vector(number, vector);
  if (!row) return 0;
  /* A posted one was told as accepted before, and needs no injection. */
  if (posted) {
    __sync_fetch_and_add(&row->posted, 1);
    row->waits_since_ns = 0;
    return 0;
  }
  __sync_fetch_and_add(&row->accepted, 1);
  /* One that waits already is the same interrupt to the guest. */
  if (!row->waits_since_ns) row->waits_since_ns = bpf_ktime_get_ns();
  return 0;
}

SEC("raw_tp/kvm_apic_accept_irq")
int BPF_PROG(on_accept_irq, u32 vcpu_id, u16 delivery_mode, u16 trigger_mode, u8 vector) {
  /* Only fixed ones and those of lowest priority have a vector: APIC_DM_FIXED, APIC_DM_LOWEST of
   * <asm/apicdef.h> */
  return (delivery_mode & 0x700) <= 0x100 ? count_accepted(vcpu_id, vector, false) : 0;
}

SEC("raw_tp/kvm_apicv_accept_irq")
int BPF_PROG(on_posted_accept_irq, u32 vcpu_id, u16 delivery_mode, u16 trigger_mode, u8 vector) {
  return count_accepted(vcpu_id, vector, true);
}

/* ---- The cycle ---- */

static __always_inline void cycle_ends(struct slot* slot, u32 reason, u64 info1, u32 event) {
  u64 now = bpf_ktime_get_ns();

  if (slot->exit_ns) count_exit(slot, reason_of(slot, reason), info1, now);
  if (event & EVENT_VALID) count_injection(slot, event, now);
  slot->exit_ns = 0;
  slot->user_exit_ns = 0;
}

SEC("raw_tp/kvm_exit")
int BPF_PROG(on_svm_exit, u64 vcpu) {
  struct slot* slot = slot_of_vcpu(vcpu);

  if (slot) slot->exit_ns = bpf_ktime_get_ns();
  return 0;
}

SEC("raw_tp/kvm_entry")
int BPF_PROG(on_svm_entry, u64 vcpu) {
  struct slot* slot = slot_of_vcpu(vcpu);
  struct vmcb_short exit;

  if (!slot) return 0;
  vmcb_read_short(&exit, vcpu);
  cycle_ends(slot, exit.reason, exit.info1, exit.event_inj);
  return 0;
}

/* The classic tracepoint does not name the vCPU: an exit before this thread's first entry is not followed. */
SEC("tp/kvm/kvm_exit")
int on_vmx_exit_complete(struct trace_event_raw_kvm_exit* exit) {
  struct slot* slot = slot_of_task(bpf_get_current_task());

  if (!slot) return 0;
  slot->reason = exit->exit_reason;
  slot->qualification = exit->info1;
  slot->exit_ns = bpf_ktime_get_ns();
  return 0;
}

SEC("raw_tp/kvm_exit")
int BPF_PROG(on_vmx_exit_light, u64 vcpu) {
  struct slot* slot = slot_of_vcpu(vcpu);

  if (slot) slot->exit_ns = bpf_ktime_get_ns();
  return 0;
}

SEC("raw_tp/kvm_entry")
int BPF_PROG(on_vmx_entry, u64 vcpu) {
  struct slot* slot = slot_of_vcpu(vcpu);

  if (!slot) return 0;
  if (!vmx_complete) {
    if (PLAIN_LOADS)
      vmx_read_cast(slot, vcpu);
    else
      vmx_read_copy(slot, vcpu);
  }
  cycle_ends(slot, slot->reason, slot->qualification, vmx_event_to_inject(vcpu));
  return 0;
}

/* ---- What no exit tells ---- */

/* Global: the verifier looks at it once, not for each of the slots. */
__noinline int tell_open_cycle(struct slot* slot) {
  struct trl_top_vcpu* told;
  u32 number;

  if (!slot || !slot->exit_ns) return 0;
  number = slot->number;
  told = bpf_map_lookup_elem(&top_vcpus, &number);
  if (!told) return 0;
  if (isa_is_vmx) {
    /* Not into the slot: its thread may be about to read there. */
    u32 reason = slot->reason;

    if (!vmx_complete)
      bpf_probe_read_kernel(&reason, sizeof(reason),
                            (void*)(slot->vcpu + OFFSET_OF(struct vcpu_vmx, exit_reason.full)));
    told->key = key_of_exit(slot->number, reason, 0);
  } else {
    struct vmcb_short exit = {};

    vmcb_read_short(&exit, slot->vcpu);
    told->key = key_of_exit(slot->number, reason_of(slot, exit.reason), exit.info1);
  }
  told->user_exit_ns = slot->user_exit_ns;
  told->exit_ns = slot->exit_ns;
  return 0;
}

/* Run by user space (BPF_PROG_TEST_RUN) each interval, for TRL_SLOTS_AT_ONCE slots from `first` on: who waits
 * long is seen while it waits. */
SEC("raw_tp")
int BPF_PROG(tell_open_cycles, u64 first) {
  for (u32 i = 0; i < TRL_SLOTS_AT_ONCE; i++) {
    struct slot* slot = &slots[(first + i) & (TRL_SLOTS - 1)];

    if (slot->task && !slot->foreign) tell_open_cycle(slot);
  }
  return 0;
}

SEC("raw_tp/sched_process_exit")
int BPF_PROG(on_thread_end, u64 task) {
  struct slot* slot = slot_find(task);
  struct trl_top_vcpu* ended;
  u32 number;

  if (!slot) return 0;
  number = slot->number;
  ended = slot->foreign ? 0 : bpf_map_lookup_elem(&top_vcpus, &number);
  if (ended) {
    ended->ended_ns = bpf_ktime_get_ns();
    ended->ended_tid = slot->tid;
  }
  slot->exit_ns = 0;
  slot->task = 0;
  return 0;
}
