/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the probes remember of each thread that runs a vCPU. vCPU threads migrate, so the state belongs to the
 * task: a table in .bss, keyed by the task's address (47 instructions an exit, where task storage takes 269).
 * Task structs are reused: a slot is freed when its thread ends.
 */
#ifndef TRAPLINE_BPF_SLOT_H
#define TRAPLINE_BPF_SLOT_H

#include "control.h"
#include "kernel_types.h"

struct slot {
  u64 task;         /* the key; 0: free */
  u64 exit_ns;      /* inside a cycle: its exit; otherwise 0 */
  u64 user_exit_ns; /* KVM_RUN returned to user space within the cycle; otherwise 0 */
  u64 vcpu;         /* address of the struct kvm_vcpu last seen on this thread */
  u32 tid;
  u16 vcpu_id;
  u16 user_reason;
  u8 foreign;   /* runs a vCPU, but not one that is being recorded */
  u8 open_told; /* this cycle's TRL_CYCLE_OPEN is out */
  u8 reserved[6];
  /* VMX only: what the exit was. (SVM's VMCB says it until the entry.) */
  u64 rip;
  u64 qualification;
  u64 gpa; /* guest-physical address that the exit was about; 0: none was seen */
  u32 reason;
  u32 vectoring; /* IDT-vectoring information */
  u32 intr_info; /* interruption information */
  u32 rax;       /* at the exit, its low 32 bits */
  u64 reserved_too[4];
};

#define SLOT_PROBES 8

static struct slot slots[TRL_SLOTS];
/* vCPU threads that found no free slot: nothing of them is recorded. */
trl_u64 threads_without_slot;

/* The process whose vCPUs are recorded. */
const volatile trl_u32 target_tgid;

static __always_inline u32 slot_index(u64 task) {
  return ((task >> 6) ^ (task >> 14)) & (TRL_SLOTS - 1);
}

static __noinline struct slot* slot_search(u64 task) {
  u32 start = slot_index(task);

  for (u32 i = 0; i < SLOT_PROBES; i++) {
    struct slot* slot = &slots[(start + i) & (TRL_SLOTS - 1)];

    if (slot->task == task) return slot;
  }
  return 0;
}

static __always_inline struct slot* slot_find(u64 task) {
  struct slot* slot = &slots[slot_index(task)];

  if (slot->task == task) return slot;
  return slot_search(task);
}

/* Takes a free place for the current thread. Never called twice for one living task: look for it first. */
static __noinline struct slot* slot_claim(u64 task) {
  u32 start = slot_index(task);
  u64 tgid_tid = bpf_get_current_pid_tgid();

  for (u32 i = 0; i < SLOT_PROBES; i++) {
    struct slot* slot = &slots[(start + i) & (TRL_SLOTS - 1)];

    if (slot->task == 0 && __sync_val_compare_and_swap(&slot->task, 0, task) == 0) {
      slot->tid = (u32)tgid_tid;
      slot->foreign = (tgid_tid >> 32) != target_tgid;
      slot->exit_ns = 0;
      slot->user_exit_ns = 0;
      return slot;
    }
  }
  if ((tgid_tid >> 32) == target_tgid) __sync_fetch_and_add(&threads_without_slot, 1);
  return 0;
}

/* The current thread's slot, made if need be; 0 when it is not recorded. */
static __always_inline struct slot* slot_of_vcpu_thread(void) {
  u64 task = bpf_get_current_task();
  struct slot* slot = slot_find(task);

  if (!slot) slot = slot_claim(task);
  return slot && !slot->foreign ? slot : 0;
}

/* The slot of a task that may or may not run a recorded vCPU. */
static __always_inline struct slot* slot_of_task(void* task) {
  struct slot* slot = slot_find((u64)task);

  return slot && !slot->foreign ? slot : 0;
}

#endif
