/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The few kernel types that the probes look into. Only names count: libbpf finds each field's place in the
 * running kernel's BTF (CO-RE), so no vmlinux.h is needed to build, and a field that is not there is an error
 * at load time. What libbpf looks into is a BTF of just these types, which the recorder makes of the kernel's
 * (tracer/recorder/probe_types.h): every struct of the kernel's that is named here is copied from there.
 */
#ifndef TRAPLINE_BPF_KERNEL_TYPES_H
#define TRAPLINE_BPF_KERNEL_TYPES_H

#include <linux/types.h>
#include <stdbool.h>

typedef __u64 u64;
typedef __u32 u32;
typedef __u16 u16;
typedef __u8 u8;

/* What <bpf/bpf_helpers.h> expects of a vmlinux.h. */
enum {
  BPF_MAP_TYPE_HASH = 1,
  BPF_MAP_TYPE_ARRAY = 2,
  BPF_MAP_TYPE_RINGBUF = 27,
};
enum {
  BPF_ANY = 0,
  BPF_NOEXIST = 1,
};
#define BPF_F_MMAPABLE (1U << 10)
#define BPF_RB_NO_WAKEUP (1U << 0)
struct bpf_perf_event_data;
struct __sk_buff;

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* arch/x86/include/asm/kvm_host.h, include/linux/kvm_host.h */
struct kvm_queued_exception {
  bool injected;
  bool has_error_code;
  u8 vector;
};
struct kvm_queued_interrupt {
  bool injected;
  bool soft;
  u8 nr;
};
struct kvm_vcpu_arch {
  unsigned long regs[17]; /* enum kvm_reg: 0 RAX, 1 RCX, ..., 16 RIP */
  u32 regs_avail; /* bit by enum kvm_reg: read from the VMCS since the exit; Linux 7: unsigned long[1] */
  struct kvm_queued_exception exception;
  struct kvm_queued_interrupt interrupt;
  bool nmi_injected;
};
struct kvm_vcpu {
  struct kvm* kvm;
  int vcpu_id;
  struct kvm_vcpu_arch arch;
};

/* arch/x86/include/asm/svm.h (AMD APM Vol. 2, Appendix B), arch/x86/kvm/svm/svm.h */
struct vmcb_control_area {
  u32 exit_code;
  u64 exit_info_1;
  u64 exit_info_2;
  u32 exit_int_info;
  u32 event_inj;
};
struct vmcb_save_area {
  u64 rip;
  u64 rax;
};
struct vmcb {
  struct vmcb_control_area control;
  struct vmcb_save_area save;
};
struct vcpu_svm {
  struct kvm_vcpu vcpu;
  struct vmcb* vmcb;
};

/* arch/x86/kvm/vmx/vmx.h. Since Linux 6.16 the first three of vcpu_vmx are members of its member `vt` (struct
 * vcpu_vt of vmx/common.h): the recorder's copy of the types has them here all the same. */
union vmx_exit_reason {
  u32 full;
};
struct vcpu_vmx {
  struct kvm_vcpu vcpu;
  union vmx_exit_reason exit_reason;
  unsigned long exit_qualification;
  u32 exit_intr_info;
  u32 idt_vectoring_info;
};

/* The record of the classic tracepoint kvm_exit, arch/x86/kvm/trace.h */
struct trace_event_raw_kvm_exit {
  unsigned int exit_reason;
  unsigned long guest_rip;
  u64 info1;
  u64 info2;
  u32 intr_info;
};

/* include/linux/sched.h */
struct task_struct {
  unsigned int __state;
  int pid;
  int tgid;
  struct task_struct* group_leader;
  char comm[16];
};

/* arch/x86/include/asm/ptrace.h: the arguments of a function, at its first instruction */
struct pt_regs {
  unsigned long di;
  unsigned long si;
};

#pragma clang attribute pop

/* include/uapi/linux/kvm.h */
enum {
  KVM_EXIT_SHUTDOWN = 8,
  KVM_EXIT_INTR = 10,
};

/* arch/x86/include/uapi/asm/svm.h */
enum {
  SVM_EXIT_SHUTDOWN = 0x7f,
};

#endif
