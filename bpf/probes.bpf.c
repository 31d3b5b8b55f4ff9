// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The probes: one record for each VM exit -> VM entry cycle, and small ones for what happens outside of
 * cycles.
 *
 * kvm_exit stores a time stamp, kvm_userspace_exit another, kvm_entry reads everything else and writes the
 * record: on SVM the VMCB still describes the exit there, and one place that reads is cheaper than two (see
 * bench/). VMX has no such place: vmx.h. Of the programs for kvm_exit and kvm_entry the recorder loads those
 * of the machine's kind.
 *
 * All are plain raw tracepoints, which take the same rights wherever KVM is a module; tp_btf programs on a
 * module's tracepoints need CAP_SYS_ADMIN, for libbpf to find its BTF. They cost the same. Pointers are
 * numbers here, and the recorder checks by BTF that the arguments are what they are taken for.
 */
#include "kernel_types.h"
#define __VMLINUX_H__
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "control.h"
#include "raise.h"
#include "record.h"
#include "slot.h"
#include "user_exit.h"
#include "vmcb.h"
#include "vmx.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Records in each CPU's ring of `cycles`, a power of two; set with the map's size before loading. */
const volatile trl_u32 ring_records = 1;

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, struct trl_exit_cycle);
} cycles SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
  __type(key, u32);
  __type(value, struct trl_ring_control);
} controls SEC(".maps");

/* set_irq, accept_irq and others nest from hard interrupts: a buffer that may have many producers. */
struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 1 << 20);
} events SEC(".maps");

static __always_inline struct trl_ring_control* control_of_cpu(u32 cpu) {
  return bpf_map_lookup_elem(&controls, &cpu);
}

static __always_inline void count_event_lost(void) {
  struct trl_ring_control* control = control_of_cpu(bpf_get_smp_processor_id());

  if (control) __sync_fetch_and_add(&control->events_lost, 1);
}

/*
 * The stamp is taken after the place is reserved: an interrupt that nests between the two then has the
 * earlier time and the later place, and is committed first. Both are visible together, so the recorder can
 * put a batch in order.
 */
static __always_inline void emit(u16 id, u16 vcpu_id, u32 tid, u32 arg32, u64 arg0, u64 arg1) {
  struct trl_kvm_event* event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

  if (!event) {
    count_event_lost();
    return;
  }
  event->head.timestamp_ns = bpf_ktime_get_ns();
  event->head.id = id;
  event->head.vcpu = vcpu_id;
  event->head.tid = tid;
  event->cpu = bpf_get_smp_processor_id();
  event->arg32 = arg32;
  event->arg0 = arg0;
  event->arg1 = arg1;
  bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}

/* ---- The exit cycle ---- */

/* Exits that are recorded: a bit for each reason, and those that took this long at least; all of them unless
 * this is on. */
const volatile trl_u32 filter_exits;
const volatile trl_u64 wanted_reasons[TRL_FILTER_REASONS / 64];
const volatile trl_u64 wanted_from_ns;

static __always_inline bool reason_is_wanted(const struct trl_exit_cycle* cycle) {
  u32 reason = isa_is_vmx ? cycle->reason & VMX_BASIC_REASON : cycle->reason;

  /* What is beyond the table (SVM's -1: an invalid VMCB) is too strange to be left out. */
  return reason >= TRL_FILTER_REASONS ||
         (wanted_reasons[(reason / 64) & (TRL_FILTER_REASONS / 64 - 1)] >> (reason & 63) & 1);
}

/* What the slot knows of every cycle; what the exit was is read apart. */
static __always_inline void fill_cycle(struct trl_exit_cycle* cycle, const struct slot* slot) {
  cycle->head.tid = slot->tid;
  cycle->exit_ns = slot->exit_ns;
  cycle->user_exit_ns = slot->user_exit_ns;
  cycle->user_reason = slot->user_reason;
  cycle->flags = (isa_is_vmx ? TRL_ISA_VMX : TRL_ISA_SVM) | (isa_is_vmx && !vmx_complete ? TRL_NO_RIP : 0) |
                 (slot->user_exit_ns ? TRL_TO_USER : 0) | (slot->exit_ns ? 0 : TRL_ENTRY_ONLY);
  /* After a shutdown (a triple fault) KVM has cleared the VMCB (svm.c, shutdown_interception). What the exit
   * was is known all the same. */
  if (!isa_is_vmx && slot->user_exit_ns && slot->user_reason == KVM_EXIT_SHUTDOWN)
    cycle->reason = SVM_EXIT_SHUTDOWN;
}

/* Tells of a cycle whose end is not in sight: its thread leaves the CPU, or ends, or recording stops. Global:
 * the verifier looks at it once, not for each slot that flush_open_cycles passes. */
__noinline int emit_open_cycle(struct slot* slot) {
  struct trl_open_cycle_carrier* carrier;

  if (!slot || !slot->exit_ns) return 0;
  carrier = bpf_ringbuf_reserve(&events, sizeof(*carrier), 0);
  if (!carrier) {
    count_event_lost();
    return 0;
  }
  slot->open_told = 1;
  if (isa_is_vmx) {
    if (!vmx_complete) vmx_read_copy(slot, slot->vcpu);
    vmx_fill(&carrier->cycle, slot);
  } else {
    vmcb_read_copy(&carrier->cycle, slot->vcpu);
  }
  fill_cycle(&carrier->cycle, slot);
  if (filter_exits && !reason_is_wanted(&carrier->cycle)) {
    bpf_ringbuf_discard(carrier, BPF_RB_NO_WAKEUP);
    return 0;
  }
  carrier->cycle.event_inj = 0;
  carrier->cycle.rcx = 0;
  carrier->cycle.head.timestamp_ns = bpf_ktime_get_ns();
  carrier->cycle.head.id = TRL_CYCLE_OPEN;
  carrier->cycle.head.vcpu = slot->number;
  carrier->cpu = bpf_get_smp_processor_id();
  carrier->reserved = 0;
  bpf_ringbuf_submit(carrier, BPF_RB_NO_WAKEUP);
  return 0;
}

/* The place for a record in this CPU's ring; 0: it is full, and that is counted. */
static __always_inline struct trl_exit_cycle* cycle_reserve(struct trl_ring_control* control, u32 cpu) {
  u64 head = control->head;
  u32 index = cpu * ring_records + (head & (ring_records - 1));
  struct trl_exit_cycle* cycle = bpf_map_lookup_elem(&cycles, &index);

  if (cycle && head - *(volatile u64*)&control->tail < ring_records) return cycle;
  control->cycles_lost++;
  return 0;
}

static __always_inline bool cycle_is_wanted(const struct trl_exit_cycle* cycle) {
  if (!cycle->exit_ns) return true; /* an entry only: nothing to judge it by */
  return cycle->head.timestamp_ns - cycle->exit_ns >= wanted_from_ns && reason_is_wanted(cycle);
}

/* The rest of the record, which is the consumer's from here on. */
static __always_inline void cycle_emit(struct trl_ring_control* control, struct trl_exit_cycle* cycle,
                                       const struct slot* slot, u64 vcpu) {
  fill_cycle(cycle, slot);
  cycle->rcx = (u32)word_at(vcpu + OFFSET_OF(struct kvm_vcpu, arch.regs[1]));
  cycle->head.id = TRL_EXIT_CYCLE;
  cycle->head.vcpu = slot->number;
  cycle->head.timestamp_ns = bpf_ktime_get_ns();
  if (filter_exits && !cycle_is_wanted(cycle)) {
    control->filtered++;
    return;
  }
  /* The record before the head: x86 keeps the order of stores, the compiler is told to. */
  barrier();
  *(volatile u64*)&control->head = control->head + 1;
}

static __always_inline void cycle_ended(struct slot* slot) {
  slot->exit_ns = 0;
  slot->user_exit_ns = 0;
}

/* ---- SVM ---- */

SEC("raw_tp/kvm_exit")
int BPF_PROG(on_svm_exit, u64 vcpu) {
  struct slot* slot = slot_of_vcpu(vcpu);

  if (!slot) return 0;
  slot->open_told = 0;
  slot->exit_ns = bpf_ktime_get_ns();
  return 0;
}

SEC("raw_tp/kvm_entry")
int BPF_PROG(on_svm_entry, u64 vcpu) {
  struct slot* slot = slot_of_vcpu(vcpu);
  u32 cpu = bpf_get_smp_processor_id();
  struct trl_ring_control* control;
  struct trl_exit_cycle* cycle;

  if (!slot) return 0;
  control = control_of_cpu(cpu);
  if (!control) return 0;
  cycle = cycle_reserve(control, cpu);
  if (cycle) {
    if (PLAIN_LOADS)
      vmcb_read_cast(cycle, vcpu);
    else
      vmcb_read_copy(cycle, vcpu);
    cycle_emit(control, cycle, slot, vcpu);
  }
  cycle_ended(slot);
  return 0;
}

/* ---- VMX ---- */

static __always_inline void vmx_exit_begins(struct slot* slot) {
  slot->open_told = 0;
  slot->gpa = 0;
  slot->exit_ns = bpf_ktime_get_ns();
}

/*
 * Complete: the classic tracepoint. It does not name the vCPU, so an exit before this thread's first entry is
 * not followed: that entry will say so itself (TRL_ENTRY_ONLY).
 */
SEC("tp/kvm/kvm_exit")
int on_vmx_exit_complete(struct trace_event_raw_kvm_exit* exit) {
  struct slot* slot = slot_of_task(bpf_get_current_task());

  if (!slot) return 0;
  slot->reason = exit->exit_reason;
  slot->rip = exit->guest_rip;
  slot->qualification = exit->info1;
  slot->vectoring = (u32)exit->info2;
  slot->intr_info = exit->intr_info;
  slot->rax = (u32)word_at(slot->vcpu + OFFSET_OF(struct kvm_vcpu, arch.regs[0]));
  vmx_exit_begins(slot);
  return 0;
}

SEC("raw_tp/kvm_exit")
int BPF_PROG(on_vmx_exit_light, u64 vcpu) {
  struct slot* slot = slot_of_vcpu(vcpu);

  if (!slot) return 0;
  slot->rax = (u32)word_at(vcpu + OFFSET_OF(struct kvm_vcpu, arch.regs[0]));
  vmx_exit_begins(slot);
  return 0;
}

SEC("raw_tp/kvm_entry")
int BPF_PROG(on_vmx_entry, u64 vcpu) {
  struct slot* slot = slot_of_vcpu(vcpu);
  u32 cpu = bpf_get_smp_processor_id();
  struct trl_ring_control* control;
  struct trl_exit_cycle* cycle;

  if (!slot) return 0;
  control = control_of_cpu(cpu);
  if (!control) return 0;
  cycle = cycle_reserve(control, cpu);
  if (cycle) {
    if (!vmx_complete) {
      if (PLAIN_LOADS)
        vmx_read_cast(slot, vcpu);
      else
        vmx_read_copy(slot, vcpu);
    }
    vmx_fill(cycle, slot);
    cycle->event_inj = vmx_event_to_inject(vcpu);
    cycle_emit(control, cycle, slot, vcpu);
  }
  cycle_ended(slot);
  return 0;
}

static __always_inline int vmx_gpa(u64 gpa) {
  struct slot* slot = slot_of_task(bpf_get_current_task());

  if (slot) slot->gpa = gpa;
  return 0;
}

SEC("raw_tp/kvm_page_fault")
int BPF_PROG(on_vmx_page_fault, u64 vcpu, u64 gpa) {
  return vmx_gpa(gpa);
}

SEC("raw_tp/kvm_mmio")
int BPF_PROG(on_vmx_mmio, int type, int length, u64 gpa) {
  return vmx_gpa(gpa);
}

SEC("raw_tp/kvm_fast_mmio")
int BPF_PROG(on_vmx_fast_mmio, u64 gpa) {
  return vmx_gpa(gpa);
}

/*
 * Run by the recorder (BPF_PROG_TEST_RUN) when it stops, for TRL_SLOTS_AT_ONCE slots from `first` on: nothing
 * else tells of a cycle that is still open.
 */
SEC("raw_tp")
int BPF_PROG(flush_open_cycles, u64 first) {
  for (u32 i = 0; i < TRL_SLOTS_AT_ONCE; i++) {
    struct slot* slot = &slots[(first + i) & (TRL_SLOTS - 1)];

    if (slot->task && !slot->foreign) emit_open_cycle(slot);
  }
  return 0;
}

/* ---- The vCPU's thread ---- */

SEC("raw_tp/sched_switch")
int BPF_PROG(on_sched_switch, bool preempt, u64 prev, u64 next) {
  struct slot* slot = slot_of_task(prev);

  if (slot) {
    if (!slot->open_told) emit_open_cycle(slot);
    emit(TRL_SCHED_OUT, slot->number, slot->tid, 0,
         preempt ? 0 : BPF_CORE_READ((struct task_struct*)prev, __state), 0);
  }
  slot = slot_of_task(next);
  if (slot) emit(TRL_SCHED_IN, slot->number, slot->tid, 0, 0, 0);
  return 0;
}

SEC("raw_tp/sched_waking")
int BPF_PROG(on_sched_waking, u64 task) {
  struct slot* slot = slot_of_task(task);

  if (slot) emit(TRL_WAKING, slot->number, slot->tid, (u32)bpf_get_current_pid_tgid(), 0, 0);
  return 0;
}

SEC("raw_tp/sched_process_exit")
int BPF_PROG(on_thread_end, u64 task) {
  struct slot* slot = slot_find(task);

  if (!slot) return 0;
  if (!slot->foreign) {
    emit_open_cycle(slot);
    emit(TRL_VCPU_ENDED, slot->number, slot->tid, 0, 0, 0);
  }
  slot->exit_ns = 0;
  slot->task = 0;
  return 0;
}

/* Only where the processes that a command starts are wanted, too. */
SEC("raw_tp/sched_process_fork")
int BPF_PROG(on_fork, u64 parent, u64 child) {
  u32 from = BPF_CORE_READ((struct task_struct*)parent, tgid);
  u32 made = BPF_CORE_READ((struct task_struct*)child, tgid);
  u32 one = 1;

  if (from != made && bpf_map_lookup_elem(&processes, &from))
    bpf_map_update_elem(&processes, &made, &one, BPF_ANY);
  return 0;
}

/* Only where the VMM makes no marks of its own. */
SEC("raw_tp/kvm_fpu")
int BPF_PROG(on_fpu, u32 load) {
  struct slot* slot = load ? slot_of_task(bpf_get_current_task()) : 0;

  if (slot && slot->user_exit_ns) emit(TRL_RUN_ENTERED, slot->number, slot->tid, 0, 0, 0);
  return 0;
}

SEC("raw_tp/kvm_vcpu_wakeup")
int BPF_PROG(on_vcpu_wakeup, u64 ns, bool waited, bool valid) {
  struct slot* slot = slot_of_task(bpf_get_current_task());

  if (slot) emit(TRL_WAKEUP, slot->number, slot->tid, 0, ns, (u64)waited | (u64)valid << 1);
  return 0;
}

SEC("raw_tp/kvm_halt_poll_ns")
int BPF_PROG(on_halt_poll_ns, bool grow, u32 vcpu_id, u32 new_ns, u32 old_ns) {
  struct slot* slot = slot_of_task(bpf_get_current_task());

  if (slot) emit(TRL_HALT_POLL, slot->number, slot->tid, 0, new_ns, old_ns);
  return 0;
}

/* ---- Interrupts on their way: raised in any thread ---- */

static __always_inline void count_unattributed(void) {
  struct trl_ring_control* control = control_of_cpu(bpf_get_smp_processor_id());

  if (control) __sync_fetch_and_add(&control->unattributed, 1);
}

SEC("raw_tp/kvm_set_irq")
int BPF_PROG(on_set_irq, u32 gsi, int level, int source) {
  struct slot* slot = slot_find(bpf_get_current_task());

  if (vm_of_interrupt(slot) != TRL_NO_VM)
    emit(TRL_SET_IRQ, slot ? slot->number : TRL_NO_VCPU, (u32)bpf_get_current_pid_tgid(), source, gsi,
         (u64)level);
  return 0;
}

SEC("raw_tp/kvm_msi_set_irq")
int BPF_PROG(on_msi_set_irq, u64 address, u64 data) {
  struct slot* slot = slot_find(bpf_get_current_task());

  if (vm_of_interrupt(slot) != TRL_NO_VM)
    emit(TRL_MSI_SET_IRQ, slot ? slot->number : TRL_NO_VCPU, (u32)bpf_get_current_pid_tgid(), 0, address,
         data);
  return 0;
}

/* Where the tracepoint says `apicid`, KVM passes the target's vcpu_id (lapic.c, __apic_accept_irq). */
static __always_inline void emit_accepted(u32 vcpu_id, u64 vector, u64 modes) {
  struct slot* slot = slot_find(bpf_get_current_task());
  u32 vm = vm_of_interrupt(slot);
  u32 number;

  if (vm == TRL_NO_VM || !vcpu_is_wanted(vcpu_id)) return;
  number = vcpu_number(vm, vcpu_id, 0);
  if (number == TRL_NO_VCPU) return;
  emit(TRL_ACCEPT_IRQ, slot ? slot->number : TRL_NO_VCPU, (u32)bpf_get_current_pid_tgid(), number, vector,
       modes);
}

SEC("raw_tp/kvm_apic_accept_irq")
int BPF_PROG(on_accept_irq, u32 vcpu_id, u16 delivery_mode, u16 trigger_mode, u8 vector) {
  emit_accepted(vcpu_id, vector, (u64)delivery_mode | (u64)trigger_mode << 16);
  return 0;
}

SEC("raw_tp/kvm_apicv_accept_irq")
int BPF_PROG(on_posted_accept_irq, u32 vcpu_id, u16 delivery_mode, u16 trigger_mode, u8 vector) {
  emit_accepted(vcpu_id, vector, (u64)delivery_mode | (u64)trigger_mode << 16 | 1ull << 32);
  return 0;
}

/* struct kvm_lapic is opaque here: the vCPU is the thread's own, an EOI is the vCPU's doing. */
static __always_inline int emit_eoi(u16 id, int vector) {
  struct slot* slot = slot_of_task(bpf_get_current_task());

  if (slot) emit(id, slot->number, slot->tid, slot->number, (u64)vector, 0);
  return 0;
}

SEC("raw_tp/kvm_eoi")
int BPF_PROG(on_eoi, u64 lapic, int vector) {
  return emit_eoi(TRL_EOI, vector);
}

SEC("raw_tp/kvm_pv_eoi")
int BPF_PROG(on_pv_eoi, u64 lapic, int vector) {
  return emit_eoi(TRL_PV_EOI, vector);
}

/* Only for our own VMM: it is the clock of the guest's stamps. */
SEC("raw_tp/kvm_write_tsc_offset")
int BPF_PROG(on_write_tsc_offset, u32 vcpu_id, u64 previous, u64 next) {
  u64 tgid_tid = bpf_get_current_pid_tgid();

  if (tgid_tid >> 32 == own_tgid) emit(TRL_TSC_OFFSET, vcpu_id, (u32)tgid_tid, 0, previous, next);
  return 0;
}
