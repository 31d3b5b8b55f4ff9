/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the probes remember of each thread that runs vCPUs or raises interrupts. vCPU threads migrate, so the
 * state belongs to the task: a table in .bss, keyed by the task's address (47 instructions an exit, where
 * task storage takes 269). Task structs are reused: a slot is freed when its thread ends.
 */
#ifndef TRAPLINE_BPF_SLOT_H
#define TRAPLINE_BPF_SLOT_H

#include "control.h"
#include "kernel_types.h"
#include "vms.h"

/* VMs for which a thread raises interrupts at once: a hard interrupt may do it on top of the thread. */
#define RAISES_NESTED 4

struct slot {
  u64 task;         /* the key; 0: free */
  u64 exit_ns;      /* inside a cycle: its exit; otherwise 0 */
  u64 user_exit_ns; /* KVM_RUN returned to user space within the cycle; otherwise 0 */
  u64 vcpu;         /* address of the struct kvm_vcpu last seen on this thread; 0: it runs none */
  u64 kvm;          /* of that vCPU */
  u32 bound_at;     /* rebinds when it was looked up whose vCPU that is */
  u32 tid;
  u16 number; /* of the vCPU in the recording; TRL_NO_VCPU: it runs none */
  u16 user_reason;
  u8 foreign;   /* runs no vCPU that is being recorded */
  u8 open_told; /* this cycle's TRL_CYCLE_OPEN is out */
  u8 reserved[6];
  /* VMX only: what the exit was. (SVM's VMCB says it until the entry.) */
  u64 rip;
  u64 qualification;
  u64 gpa; /* guest-physical address that the exit was about; 0: none was seen */
  u32 reason;
  u32 vectoring;              /* IDT-vectoring information */
  u32 intr_info;              /* interruption information */
  u32 rax;                    /* at the exit, its low 32 bits */
  u64 raises;                 /* how many of the next are in use */
  u64 raising[RAISES_NESTED]; /* the struct kvm for which the thread raises an interrupt, the latest last */
};

#define SLOT_PROBES 8

static struct slot slots[TRL_SLOTS];
/* vCPU threads that found no free slot: nothing of them is recorded. */
trl_u64 threads_without_slot;

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

  for (u32 i = 0; i < SLOT_PROBES; i++) {
    struct slot* slot = &slots[(start + i) & (TRL_SLOTS - 1)];

    if (slot->task == 0 && __sync_val_compare_and_swap(&slot->task, 0, task) == 0) {
      slot->tid = (u32)bpf_get_current_pid_tgid();
      slot->number = TRL_NO_VCPU;
      slot->foreign = 1;
      slot->exit_ns = 0;
      slot->user_exit_ns = 0;
      slot->vcpu = 0;
      slot->kvm = 0;
      slot->raises = 0;
      return slot;
    }
  }
  return 0;
}

/* The thread runs another vCPU than it did: whose is it, and is it wanted? */
static __noinline int slot_bind(struct slot* slot, u64 vcpu) {
  u32 number = TRL_NO_VCPU;
  u32 vcpu_id, vm;

  if (!slot) return 0;
  slot->bound_at = rebinds;
  slot->kvm = word_at(vcpu + OFFSET_OF(struct kvm_vcpu, kvm));
  vcpu_id = (u32)word_at(vcpu + OFFSET_OF(struct kvm_vcpu, vcpu_id));
  if (selection != TRL_SELECT_OWN && bpf_get_current_pid_tgid() >> 32 == own_tgid) {
    number = TRL_CALIBRATION;
  } else if (process_is_wanted(bpf_get_current_pid_tgid() >> 32) && vcpu_is_wanted(vcpu_id)) {
    vm = vm_number_made(slot->kvm);
    if (vm != TRL_NO_VM) number = vcpu_number(vm, vcpu_id, slot->tid);
  }
  if (slot->vcpu != vcpu || slot->number != number) {
    slot->exit_ns = 0;
    slot->user_exit_ns = 0;
  }
  slot->vcpu = vcpu;
  slot->number = number;
  slot->foreign = number == TRL_NO_VCPU;
  return 0;
}

/* The slot of the current thread, which runs this vCPU, made if need be; 0 when it is not recorded. */
static __always_inline struct slot* slot_of_vcpu(u64 vcpu) {
  u64 task = bpf_get_current_task();
  struct slot* slot = slot_find(task);

  if (!slot) {
    slot = slot_claim(task);
    if (!slot) {
      if (process_is_wanted(bpf_get_current_pid_tgid() >> 32)) __sync_fetch_and_add(&threads_without_slot, 1);
      return 0;
    }
  }
  /* A VM that ended may have left its addresses to another; and what is wanted may have changed. */
  if (slot->vcpu != vcpu || slot->bound_at != rebinds) slot_bind(slot, vcpu);
  return slot->foreign ? 0 : slot;
}

/* The slot of a task that may or may not run a recorded vCPU. */
static __always_inline struct slot* slot_of_task(u64 task) {
  struct slot* slot = slot_find(task);

  return slot && !slot->foreign ? slot : 0;
}

#endif
