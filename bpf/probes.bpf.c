// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The probes: one record for each VM exit -> VM entry cycle, and small ones for what happens outside of
 * cycles.
 *
 * kvm_exit stores a time stamp, kvm_userspace_exit another, kvm_entry reads everything else and writes the
 * record: on SVM the VMCB still describes the exit there, and one place that reads is cheaper than two (see
 * bench/). VMX has no such place: vmx.h. Of the programs for kvm_exit and kvm_entry the recorder loads those
 * of the machine's kind.
 */
#include "kernel_types.h"
#define __VMLINUX_H__
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "control.h"
#include "record.h"
#include "slot.h"
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

/* Tells of a cycle whose end is not in sight: its thread leaves the CPU, or ends, or recording stops. */
static __noinline int emit_open_cycle(struct slot* slot) {
  struct trl_open_cycle_carrier* carrier;

  if (!slot || !slot->exit_ns || slot->open_told) return 0;
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
  carrier->cycle.event_inj = 0;
  carrier->cycle.rcx = 0;
  carrier->cycle.head.timestamp_ns = bpf_ktime_get_ns();
  carrier->cycle.head.id = TRL_CYCLE_OPEN;
  carrier->cycle.head.vcpu = slot->vcpu_id;
  carrier->cpu = bpf_get_smp_processor_id();
  carrier->reserved = 0;
  bpf_ringbuf_submit(carrier, BPF_RB_NO_WAKEUP);
  return 0;
}

SEC("tp_btf/kvm_userspace_exit")
int BPF_PROG(on_userspace_exit, u32 reason, int error) {
  struct slot* slot = slot_find(bpf_get_current_task());

  if (!slot || slot->foreign) return 0;
  slot->user_reason = error < 0 ? KVM_EXIT_INTR /* run->exit_reason is stale then */ : reason;
  slot->user_exit_ns = bpf_ktime_get_ns();
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

/* The rest of the record, which is the consumer's from here on. */
static __always_inline void cycle_emit(struct trl_ring_control* control, struct trl_exit_cycle* cycle,
                                       const struct slot* slot, struct kvm_vcpu* vcpu) {
  fill_cycle(cycle, slot);
  cycle->rcx = vcpu->arch.regs[1];
  cycle->head.id = TRL_EXIT_CYCLE;
  cycle->head.vcpu = slot->vcpu_id;
  cycle->head.timestamp_ns = bpf_ktime_get_ns();
  /* The record before the head: x86 keeps the order of stores, the compiler is told to. */
  barrier();
  *(volatile u64*)&control->head = control->head + 1;
}

static __always_inline void cycle_ended(struct slot* slot) {
  slot->exit_ns = 0;
  slot->user_exit_ns = 0;
}

/* ---- SVM ---- */

SEC("tp_btf/kvm_exit")
int BPF_PROG(on_svm_exit, struct kvm_vcpu* vcpu) {
  struct slot* slot = slot_of_vcpu_thread();

  if (!slot || !vcpu) return 0;
  slot->vcpu = (u64)vcpu;
  slot->open_told = 0;
  slot->exit_ns = bpf_ktime_get_ns();
  return 0;
}

SEC("tp_btf/kvm_entry")
int BPF_PROG(on_svm_entry, struct kvm_vcpu* vcpu) {
  struct slot* slot = slot_of_vcpu_thread();
  u32 cpu = bpf_get_smp_processor_id();
  struct trl_ring_control* control;
  struct trl_exit_cycle* cycle;

  if (!slot || !vcpu) return 0;
  control = control_of_cpu(cpu);
  if (!control) return 0;
  cycle = cycle_reserve(control, cpu);
  if (cycle) {
    if (have_rdonly_cast)
      vmcb_read_cast(cycle, (u64)vcpu);
    else
      vmcb_read_copy(cycle, (u64)vcpu);
    slot->vcpu_id = vcpu->vcpu_id;
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
  struct slot* slot = slot_find(bpf_get_current_task());
  u64 rax = 0;

  if (!slot || slot->foreign || !slot->vcpu) return 0;
  slot->reason = exit->exit_reason;
  slot->rip = exit->guest_rip;
  slot->qualification = exit->info1;
  slot->vectoring = (u32)exit->info2;
  slot->intr_info = exit->intr_info;
  if (have_rdonly_cast)
    slot->rax = (u32)words_at(slot->vcpu + OFFSET_OF(struct kvm_vcpu, arch.regs[0]))->tv_sec;
  else if (!bpf_probe_read_kernel(&rax, sizeof(rax),
                                  (void*)(slot->vcpu + OFFSET_OF(struct kvm_vcpu, arch.regs[0]))))
    slot->rax = (u32)rax;
  vmx_exit_begins(slot);
  return 0;
}

SEC("tp_btf/kvm_exit")
int BPF_PROG(on_vmx_exit_light, struct kvm_vcpu* vcpu) {
  struct slot* slot = slot_of_vcpu_thread();

  if (!slot || !vcpu) return 0;
  slot->vcpu = (u64)vcpu;
  slot->rax = (u32)vcpu->arch.regs[0];
  vmx_exit_begins(slot);
  return 0;
}

SEC("tp_btf/kvm_entry")
int BPF_PROG(on_vmx_entry, struct kvm_vcpu* vcpu) {
  struct slot* slot = slot_of_vcpu_thread();
  u32 cpu = bpf_get_smp_processor_id();
  struct trl_ring_control* control;
  struct trl_exit_cycle* cycle;

  if (!slot || !vcpu) return 0;
  slot->vcpu = (u64)vcpu;
  control = control_of_cpu(cpu);
  if (!control) return 0;
  cycle = cycle_reserve(control, cpu);
  if (cycle) {
    if (!vmx_complete) {
      if (have_rdonly_cast)
        vmx_read_cast(slot, (u64)vcpu);
      else
        vmx_read_copy(slot, (u64)vcpu);
    }
    vmx_fill(cycle, slot);
    cycle->event_inj = vmx_event_to_inject(vcpu);
    slot->vcpu_id = vcpu->vcpu_id;
    cycle_emit(control, cycle, slot, vcpu);
  }
  cycle_ended(slot);
  return 0;
}

static __always_inline int vmx_gpa(u64 gpa) {
  struct slot* slot = slot_find(bpf_get_current_task());

  if (slot && !slot->foreign) slot->gpa = gpa;
  return 0;
}

SEC("tp_btf/kvm_page_fault")
int BPF_PROG(on_vmx_page_fault, struct kvm_vcpu* vcpu, u64 gpa) {
  return vmx_gpa(gpa);
}

SEC("tp_btf/kvm_mmio")
int BPF_PROG(on_vmx_mmio, int type, int length, u64 gpa) {
  return vmx_gpa(gpa);
}

SEC("tp_btf/kvm_fast_mmio")
int BPF_PROG(on_vmx_fast_mmio, u64 gpa) {
  return vmx_gpa(gpa);
}

/* Run by the recorder (BPF_PROG_TEST_RUN) when it stops: nothing else tells of a cycle that is still open. */
SEC("raw_tp")
int flush_open_cycles(void* ctx) {
  for (u32 i = 0; i < TRL_SLOTS; i++) {
    if (slots[i].task && !slots[i].foreign) emit_open_cycle(&slots[i]);
  }
  return 0;
}

/*
 * ---- The vCPU's thread ----
 * Plain raw tracepoints: their arguments are numbers, and a task's address is a key here. (In tp_btf programs
 * they are typed pointers, on which the verifier allows no arithmetic.)
 */

SEC("raw_tp/sched_switch")
int BPF_PROG(on_sched_switch, bool preempt, struct task_struct* prev, struct task_struct* next) {
  struct slot* slot = slot_of_task(prev);

  if (slot) {
    emit_open_cycle(slot);
    emit(TRL_SCHED_OUT, slot->vcpu_id, slot->tid, 0, preempt ? 0 : BPF_CORE_READ(prev, __state), 0);
  }
  slot = slot_of_task(next);
  if (slot) emit(TRL_SCHED_IN, slot->vcpu_id, slot->tid, 0, 0, 0);
  return 0;
}

SEC("raw_tp/sched_waking")
int BPF_PROG(on_sched_waking, struct task_struct* task) {
  struct slot* slot = slot_of_task(task);

  if (slot) emit(TRL_WAKING, slot->vcpu_id, slot->tid, (u32)bpf_get_current_pid_tgid(), 0, 0);
  return 0;
}

SEC("raw_tp/sched_process_exit")
int BPF_PROG(on_thread_end, struct task_struct* task) {
  struct slot* slot = slot_find((u64)task);

  if (!slot) return 0;
  if (!slot->foreign) emit_open_cycle(slot);
  slot->exit_ns = 0;
  slot->task = 0;
  return 0;
}

SEC("tp_btf/kvm_vcpu_wakeup")
int BPF_PROG(on_vcpu_wakeup, u64 ns, bool waited, bool valid) {
  struct slot* slot = slot_find(bpf_get_current_task());

  if (slot && !slot->foreign)
    emit(TRL_WAKEUP, slot->vcpu_id, slot->tid, 0, ns, (u64)waited | (u64)valid << 1);
  return 0;
}

SEC("tp_btf/kvm_halt_poll_ns")
int BPF_PROG(on_halt_poll_ns, bool grow, u32 vcpu_id, u32 new_ns, u32 old_ns) {
  struct slot* slot = slot_find(bpf_get_current_task());

  if (slot && !slot->foreign) emit(TRL_HALT_POLL, vcpu_id, slot->tid, 0, new_ns, old_ns);
  return 0;
}

/* ---- Interrupts on their way: raised in any thread ---- */

/*
 * These tracepoints carry no VM. In a thread of the target process they are the target's; in a kernel thread
 * (an irqfd's worker) they may be anybody's, and are only counted.
 */
static __always_inline void emit_interrupt(u16 id, u32 arg32, u64 arg0, u64 arg1) {
  u64 tgid_tid = bpf_get_current_pid_tgid();
  struct slot* slot;

  if ((tgid_tid >> 32) != target_tgid) {
    struct task_struct* task = (struct task_struct*)bpf_get_current_task_btf();
    struct trl_ring_control* control;

    if (!(task->flags & PF_KTHREAD)) return;
    control = control_of_cpu(bpf_get_smp_processor_id());
    if (control) __sync_fetch_and_add(&control->unattributed, 1);
    return;
  }
  slot = slot_find(bpf_get_current_task());
  emit(id, slot ? slot->vcpu_id : TRL_NO_VCPU, (u32)tgid_tid, arg32, arg0, arg1);
}

SEC("tp_btf/kvm_set_irq")
int BPF_PROG(on_set_irq, unsigned int gsi, int level, int source) {
  emit_interrupt(TRL_SET_IRQ, source, gsi, (u64)level);
  return 0;
}

SEC("tp_btf/kvm_msi_set_irq")
int BPF_PROG(on_msi_set_irq, u64 address, u64 data) {
  emit_interrupt(TRL_MSI_SET_IRQ, 0, address, data);
  return 0;
}

/* Where the tracepoint says `apicid`, KVM passes the target's vcpu_id (lapic.c, __apic_accept_irq). */
SEC("tp_btf/kvm_apic_accept_irq")
int BPF_PROG(on_accept_irq, u32 vcpu_id, u16 delivery_mode, u16 trigger_mode, u8 vector) {
  emit_interrupt(TRL_ACCEPT_IRQ, vcpu_id, vector, (u64)delivery_mode | (u64)trigger_mode << 16);
  return 0;
}

SEC("tp_btf/kvm_apicv_accept_irq")
int BPF_PROG(on_posted_accept_irq, u32 vcpu_id, u16 delivery_mode, u16 trigger_mode, u8 vector) {
  emit_interrupt(TRL_ACCEPT_IRQ, vcpu_id, vector, (u64)delivery_mode | (u64)trigger_mode << 16 | 1ull << 32);
  return 0;
}

/* struct kvm_lapic is opaque here: the vCPU is the thread's own, an EOI is the vCPU's doing. */
SEC("tp_btf/kvm_eoi")
int BPF_PROG(on_eoi, void* lapic, int vector) {
  struct slot* slot = slot_find(bpf_get_current_task());

  if (slot && !slot->foreign) emit(TRL_EOI, slot->vcpu_id, slot->tid, slot->vcpu_id, (u64)vector, 0);
  return 0;
}

SEC("tp_btf/kvm_pv_eoi")
int BPF_PROG(on_pv_eoi, void* lapic, int vector) {
  struct slot* slot = slot_find(bpf_get_current_task());

  if (slot && !slot->foreign) emit(TRL_PV_EOI, slot->vcpu_id, slot->tid, slot->vcpu_id, (u64)vector, 0);
  return 0;
}

SEC("tp_btf/kvm_write_tsc_offset")
int BPF_PROG(on_write_tsc_offset, unsigned int vcpu_id, u64 previous, u64 next) {
  u64 tgid_tid = bpf_get_current_pid_tgid();

  if ((tgid_tid >> 32) == target_tgid) emit(TRL_TSC_OFFSET, vcpu_id, (u32)tgid_tid, 0, previous, next);
  return 0;
}
