/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which VMs and vCPUs there are, and which of them are recorded. KVM knows a VM by the address of its struct
 * kvm; records carry a small number, because addresses are used again.
 */
#ifndef TRAPLINE_BPF_VMS_H
#define TRAPLINE_BPF_VMS_H

#include "control.h"
#include "kernel_memory.h"

/* enum trl_selection, and for TRL_SELECT_OWN the process; set before loading. */
const volatile trl_u32 selection;
const volatile trl_u32 own_tgid;

/* vCPUs that are recorded, by KVM's vcpu_id: a bit each; all of them unless this is on. */
const volatile trl_u32 filter_vcpus;
const volatile trl_u64 wanted_vcpus[TRL_FILTER_VCPUS / 64];

/* TRL_SELECT_PROCESSES: by tgid. The recorder puts some in, and on_fork() their children where it is loaded.
 */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4096);
  __type(key, u32);
  __type(value, u32);
} processes SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, TRL_VMS);
  __type(key, u32);
  __type(value, struct trl_vm);
} vms SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, TRL_VCPUS);
  __type(key, u32);
  __type(value, struct trl_vcpu);
} vcpus SEC(".maps");

/* How many numbers are given out, those that were one too many included. */
trl_u32 vms_numbered;
trl_u32 vcpus_numbered;
/* Grows when it must be looked up anew whose vCPUs threads run: a VM has ended, or other processes are
 * wanted. */
trl_u32 rebinds;
/* VMs and vCPUs that got no number any more: nothing of them is recorded. */
trl_u64 without_number;

/* A truth value: KVM's functions are followed that know of which VM an interrupt is (raise.h). */
trl_u32 functions_followed;

struct living_vm {
  u32 number;
  u32 tgid;
};

/* VMs that live, by the address of their struct kvm. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, TRL_VMS);
  __type(key, u64);
  __type(value, struct living_vm);
} living_vms SEC(".maps");

/* The VM of each process that had but one, by tgid; TRL_NO_VM: it had more. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, TRL_VMS);
  __type(key, u32);
  __type(value, u32);
} vm_of_process SEC(".maps");

/* Numbers of vCPUs, by their VM's number << 32 | vcpu_id. */
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, TRL_VCPUS);
  __type(key, u64);
  __type(value, u32);
} vcpu_numbers SEC(".maps");

static __always_inline bool process_is_wanted(u32 tgid) {
  if (selection == TRL_SELECT_ALL) return true;
  if (selection == TRL_SELECT_OWN) return tgid == own_tgid;
  return bpf_map_lookup_elem(&processes, &tgid) != 0;
}

static __always_inline bool vcpu_is_wanted(u32 vcpu_id) {
  if (!filter_vcpus) return true;
  return vcpu_id < TRL_FILTER_VCPUS &&
         (wanted_vcpus[(vcpu_id / 64) & (TRL_FILTER_VCPUS / 64 - 1)] >> (vcpu_id & 63) & 1);
}

/* A VM that lives and is recorded, by its struct kvm; TRL_NO_VM if it is not known. */
static __always_inline u32 vm_number(u64 kvm) {
  const struct living_vm* vm = bpf_map_lookup_elem(&living_vms, &kvm);

  return vm ? vm->number : TRL_NO_VM;
}

/* The same from a thread of its process, which is wanted: it is given a number if it has none. */
static __noinline u32 vm_number_made(u64 kvm) {
  u32 tgid = bpf_get_current_pid_tgid() >> 32;
  const struct living_vm* known = bpf_map_lookup_elem(&living_vms, &kvm);
  struct task_struct* leader = BPF_CORE_READ((struct task_struct*)bpf_get_current_task(), group_leader);
  struct living_vm made = {.tgid = tgid};
  struct trl_vm* vm;

  if (known && known->tgid == tgid) return known->number;
  /* Another process's: its end was not seen (on_vm_destroyed), and the address is used again. */
  if (known) bpf_map_delete_elem(&living_vms, &kvm);
  made.number = __sync_fetch_and_add(&vms_numbered, 1);
  vm = bpf_map_lookup_elem(&vms, &made.number);
  if (!vm) {
    __sync_fetch_and_add(&without_number, 1);
    return TRL_NO_VM;
  }
  vm->tgid = tgid;
  vm->unused = 0;
  bpf_probe_read_kernel(vm->comm, sizeof(vm->comm), &leader->comm);
  if (bpf_map_update_elem(&living_vms, &kvm, &made, BPF_NOEXIST)) {
    vm->unused = 1;
  } else if (bpf_map_update_elem(&vm_of_process, &tgid, &made.number, BPF_NOEXIST)) {
    u32 several = TRL_NO_VM;

    bpf_map_update_elem(&vm_of_process, &tgid, &several, BPF_ANY);
  }
  barrier();
  vm->seen_ns = bpf_ktime_get_ns();
  return vm_number(kvm);
}

/* A vCPU's number in the recording. `tid`: the thread that runs it, 0: not this one. TRL_NO_VCPU: there is
 * none left. */
static __noinline u32 vcpu_number(u32 vm, u32 vcpu_id, u32 tid) {
  u64 key = (u64)vm << 32 | vcpu_id;
  u32* known;
  u32 made;
  struct trl_vcpu* vcpu;

  if (selection == TRL_SELECT_OWN) return vcpu_id;
  known = bpf_map_lookup_elem(&vcpu_numbers, &key);
  if (known) {
    vcpu = bpf_map_lookup_elem(&vcpus, known);
    if (vcpu && tid) vcpu->tid = tid;
    return *known;
  }
  made = __sync_fetch_and_add(&vcpus_numbered, 1);
  vcpu = bpf_map_lookup_elem(&vcpus, &made);
  if (!vcpu) {
    __sync_fetch_and_add(&without_number, 1);
    return TRL_NO_VCPU;
  }
  vcpu->tid = tid;
  vcpu->vm = vm;
  vcpu->vcpu_id = vcpu_id;
  vcpu->unused = bpf_map_update_elem(&vcpu_numbers, &key, &made, BPF_NOEXIST) != 0;
  barrier();
  vcpu->seen_ns = bpf_ktime_get_ns();
  known = bpf_map_lookup_elem(&vcpu_numbers, &key);
  return known ? *known : TRL_NO_VCPU;
}

#endif
