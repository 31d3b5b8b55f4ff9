/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the probes hand to user space: the rings' bytes are the bytes of the recording's CTF events.
 *
 * Every record begins with the same 16 bytes. Little endian, fields naturally aligned, no implicit padding.
 * docs/recording-format.md is the description for readers; tracer/recording/schema.cpp the one for programs.
 */
#ifndef TRAPLINE_BPF_RECORD_H
#define TRAPLINE_BPF_RECORD_H

#ifdef __cplusplus
#include <cstddef>
#include <cstdint>
typedef std::uint64_t trl_u64;
typedef std::uint32_t trl_u32;
typedef std::uint16_t trl_u16;
#else
typedef unsigned long long trl_u64;
typedef unsigned int trl_u32;
typedef unsigned short trl_u16;
#endif

/* Event ids, unique over all streams of a recording. 1..19 are made by the probes. */
enum trl_event_id {
  TRL_EXIT_CYCLE = 1, /* struct trl_exit_cycle: one VM exit and the entry that ended it */
  TRL_CYCLE_OPEN =
      2, /* struct trl_exit_cycle: its thread left the CPU, or recording stopped, inside the cycle */
  TRL_SET_IRQ = 3,      /* struct trl_kvm_event, each from here: kvm_set_irq */
  TRL_MSI_SET_IRQ = 4,  /* kvm_msi_set_irq */
  TRL_ACCEPT_IRQ = 5,   /* kvm_apic_accept_irq, kvm_apicv_accept_irq */
  TRL_EOI = 6,          /* kvm_eoi */
  TRL_PV_EOI = 7,       /* kvm_pv_eoi */
  TRL_WAKEUP = 8,       /* kvm_vcpu_wakeup */
  TRL_HALT_POLL = 9,    /* kvm_halt_poll_ns */
  TRL_SCHED_OUT = 10,   /* sched_switch away from a vCPU thread */
  TRL_SCHED_IN = 11,    /* sched_switch to a vCPU thread */
  TRL_WAKING = 12,      /* sched_waking of a vCPU thread */
  TRL_TSC_OFFSET = 13,  /* kvm_write_tsc_offset */
  TRL_RUN_ENTERED = 14, /* kvm_fpu load: KVM_RUN was called again, the stay in user space is over */
  TRL_VCPU_ENDED = 15,  /* the thread that ran the vCPU ended */
};

/* trl_exit_cycle.flags */
enum trl_cycle_flags {
  TRL_ISA_SVM = 1 << 0,
  TRL_ISA_VMX = 1 << 1,
  TRL_TO_USER =
      1 << 2, /* KVM_RUN returned to user space within the cycle: user_exit_ns and user_reason hold */
  /* No exit was seen before this entry: the thread's first, or recording began in the guest. Of the fields
   * that describe the exit none holds; exit_ns is 0. */
  TRL_ENTRY_ONLY = 1 << 3,
  TRL_NO_RIP = 1 << 4, /* the probes could not read the RIP of the exit: rip is 0 */
};

#define TRL_NO_VCPU 0xffff

struct trl_record_head {
  trl_u64 timestamp_ns; /* CLOCK_MONOTONIC, of the record's emission */
  trl_u16 id;           /* enum trl_event_id */
  /* Number of the vCPU in this recording (of our own VMM: KVM's vcpu_id), or TRL_NO_VCPU: the thread is not
   * a vCPU thread. */
  trl_u16 vcpu;
  trl_u32 tid; /* the thread, as the initial PID namespace numbers it */
};

/*
 * One VM exit -> VM entry cycle, emitted at the entry (head.timestamp_ns is the time of the entry).
 * SVM: reason, info1, info2, exit_int_info and event_inj are the VMCB fields EXITCODE (low 32 bits),
 * EXITINFO1, EXITINFO2, EXITINTINFO and EVENTINJ (AMD APM Vol. 2, Appendix B); rax is the guest's RAX at the
 * exit, rcx the guest's RCX at the entry (the same as at the exit, but for instructions that write it, as
 * CPUID).
 *
 * VMX: reason is the exit reason field with its flags; info1 the exit qualification; info2 the
 * guest-physical address for EPT violations and misconfigurations, the interruption information for
 * EXCEPTION_NMI and EXTERNAL_INTERRUPT; exit_int_info the IDT-vectoring information; event_inj what will be
 * the VM-entry interruption information (Intel SDM Vol. 3C, 25.8.3 and 25.9); rax and rcx as with SVM.
 */
struct trl_exit_cycle {
  struct trl_record_head head;
  trl_u64 exit_ns;      /* time of the exit, CLOCK_MONOTONIC */
  trl_u64 user_exit_ns; /* with TRL_TO_USER: time at which KVM_RUN returned to user space; otherwise 0 */
  trl_u64 rip;          /* guest RIP at the exit */
  trl_u64 info1;
  trl_u64 info2;
  trl_u32 reason;
  trl_u32
      exit_int_info; /* event whose delivery the exit interrupted, or whose injection KVM called off since */
  trl_u32 event_inj; /* event injected at the entry (0 in TRL_CYCLE_OPEN) */
  trl_u32 rax;       /* low 32 bits */
  trl_u32 rcx;       /* low 32 bits */
  trl_u16 user_reason; /* with TRL_TO_USER: KVM_EXIT_* of <linux/kvm.h> */
  trl_u16 flags;       /* enum trl_cycle_flags */
};

/*
 * What happens outside a cycle. Use of the arguments:
 *
 *   TRL_SET_IRQ      arg0 gsi, arg1 level, arg32 irq source id
 *
 *   TRL_MSI_SET_IRQ  arg0 address, arg1 data
 *
 *   TRL_ACCEPT_IRQ   arg0 vector, arg1 delivery mode | trigger mode << 16 | posted << 32, arg32 target
 * vCPU's number
 *
 *   TRL_EOI, TRL_PV_EOI  arg0 vector, arg32 the vCPU's number
 *
 *   TRL_WAKEUP       arg0 ns halted, arg1 waited | valid << 1
 *
 *   TRL_HALT_POLL    arg0 new ns, arg1 old ns
 *
 *   TRL_SCHED_OUT    arg0 task state (0: preempted)
 *
 *   TRL_WAKING       arg32 tid of the waker (head.vcpu and head.tid: of the woken thread)
 *
 *   TRL_TSC_OFFSET   arg0 previous, arg1 next
 */
struct trl_kvm_event {
  struct trl_record_head head;
  trl_u32 cpu; /* host CPU that made the record */
  trl_u32 arg32;
  trl_u64 arg0;
  trl_u64 arg1;
};

#ifdef __cplusplus
static_assert(sizeof(trl_record_head) == 16);
static_assert(sizeof(trl_exit_cycle) == 80 && offsetof(trl_exit_cycle, reason) == 56);
static_assert(sizeof(trl_kvm_event) == 40);
#endif

#endif
