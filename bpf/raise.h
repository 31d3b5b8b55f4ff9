/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * For which VM a thread raises an interrupt. The tracepoints kvm_set_irq, kvm_msi_set_irq and
 * kvm_apic_accept_irq name no VM, and vhost's threads, workers of irqfds and hard interrupts raise for any;
 * but KVM's functions around them are told a struct kvm. They are followed from their first instruction to
 * their return: by fentry and fexit where the recorder may (they are cheap, and need CAP_SYS_ADMIN where KVM
 * is a module), else by kprobes: those of fprobe ("kprobe.multi"), because the others go through
 * perf_event_open(2), which Debian's kernels keep for CAP_SYS_ADMIN. Where neither can be had, a thread of a
 * process that runs one VM raises for that VM, and of others nothing tells.
 */
#ifndef TRAPLINE_BPF_RAISE_H
#define TRAPLINE_BPF_RAISE_H

#include "slot.h"

static __always_inline int raise_begins(u64 kvm) {
  u64 task = bpf_get_current_task();
  struct slot* slot;

  slot = slot_find(task);
  if (!slot) slot = slot_claim(task);
  if (!slot) return 0;
  /* More cannot be under way: returns were not seen. */
  if (slot->raises >= RAISES_NESTED) slot->raises = 0;
  slot->raising[slot->raises & (RAISES_NESTED - 1)] = kvm;
  slot->raises++;
  return 0;
}

static __always_inline int raise_ends(void) {
  struct slot* slot = slot_find(bpf_get_current_task());

  if (slot && slot->raises) slot->raises--;
  return 0;
}

#define FOLLOW(function, kvm_argument, ...)           \
  SEC("fentry/" #function)                            \
  int BPF_PROG(on_##function##_begins, __VA_ARGS__) { \
    return raise_begins((u64)(kvm_argument));         \
  }                                                   \
  SEC("fexit/" #function)                             \
  int BPF_PROG(on_##function##_ends) {                \
    return raise_ends();                              \
  }
/* virt/kvm/irqchip.c, arch/x86/kvm/irq_comm.c (irq.c since 6.16) */
FOLLOW(kvm_set_irq, kvm, void* kvm)
FOLLOW(kvm_set_msi, kvm, void* entry, void* kvm)
FOLLOW(kvm_arch_set_irq_inatomic, kvm, void* entry, void* kvm)
#undef FOLLOW

/* The same by fprobe: struct kvm is a function's first argument, or its second. */
SEC("kprobe.multi")
int on_raise_for_first(struct pt_regs* registers) {
  return raise_begins(registers->di);
}
SEC("kprobe.multi")
int on_raise_for_second(struct pt_regs* registers) {
  return raise_begins(registers->si);
}
SEC("kretprobe.multi")
int on_raise_ends(struct pt_regs* registers) {
  return raise_ends();
}

/* arch/x86/kvm/x86.c, kvm_arch_destroy_vm(): the address may be another VM's from here on. */
static __always_inline int vm_ends(u64 kvm) {
  if (bpf_map_delete_elem(&living_vms, &kvm) == 0) __sync_fetch_and_add(&rebinds, 1);
  return 0;
}
SEC("fentry/kvm_arch_destroy_vm")
int BPF_PROG(on_vm_ends, void* kvm) {
  return vm_ends((u64)kvm);
}
SEC("kprobe.multi")
int on_vm_ends_by_fprobe(struct pt_regs* registers) {
  return vm_ends(registers->di);
}

/* The struct kvm for which the current thread raises an interrupt, 0: nothing tells. */
static __always_inline u64 raised_for(const struct slot* slot) {
  if (!slot) return 0;
  if (slot->raises) return slot->raising[(slot->raises - 1) & (RAISES_NESTED - 1)];
  return slot->kvm; /* in its own thread a vCPU raises timers and IPIs without those functions */
}

/* Counts an interrupt of which nothing tells whose it is; each object of probes has its own place for that.
 */
static __always_inline void count_unattributed(void);

/* Of which VM an interrupt is that the current thread raises; TRL_NO_VM: of none that is recorded, or nothing
 * tells. */
static __always_inline u32 vm_of_interrupt(const struct slot* slot) {
  u64 kvm = raised_for(slot);

  if (kvm) return vm_number(kvm);
  if (!functions_followed) {
    u32 tgid = bpf_get_current_pid_tgid() >> 32;
    u32* of_process = bpf_map_lookup_elem(&vm_of_process, &tgid);

    if (of_process && *of_process != TRL_NO_VM) return *of_process;
  }
  /* In a thread of our own VMM it is our own, wherever KVM's functions could not be probed. */
  if (selection == TRL_SELECT_OWN && bpf_get_current_pid_tgid() >> 32 == own_tgid) return 0;
  if (vms_numbered) count_unattributed();
  return TRL_NO_VM;
}

#endif
