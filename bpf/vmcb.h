/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What an exit was, on SVM: reads of the exit information in the VMCB.
 */
#ifndef TRAPLINE_BPF_VMCB_H
#define TRAPLINE_BPF_VMCB_H

#include "kernel_memory.h"
#include "record.h"

/*
 * At kvm_entry the VMCB still describes the last exit, and already holds what will be injected: KVM writes
 * RIP and RAX back only after the tracepoint (svm_vcpu_run), and event_inj before it (svm_inject_irq).
 * svm_vcpu_run()'s vcpu is the first member of struct vcpu_svm.
 */
static __always_inline void vmcb_read_cast(struct trl_exit_cycle* cycle, u64 vcpu) {
  u64 vmcb = (u64)words_at(vcpu + OFFSET_OF(struct vcpu_svm, vmcb))->first;
  const struct two_words* code = words_at(vmcb + OFFSET_OF(struct vmcb, control.exit_code));
  const struct two_words* info2 = words_at(vmcb + OFFSET_OF(struct vmcb, control.exit_info_2));

  cycle->reason = (u32)code->first;
  cycle->info1 = (u64)code->second; /* exit_code and exit_code_hi are 8 bytes, exit_info_1 follows */
  cycle->info2 = (u64)info2->first;
  cycle->exit_int_info = (u32)info2->second;
  cycle->event_inj = (u32)words_at(vmcb + OFFSET_OF(struct vmcb, control.event_inj))->first;
  cycle->rip = (u64)words_at(vmcb + OFFSET_OF(struct vmcb, save.rip))->first;
  cycle->rax = (u32)words_at(vmcb + OFFSET_OF(struct vmcb, save.rax))->first;
}

static __always_inline void vmcb_read_copy(struct trl_exit_cycle* cycle, u64 vcpu) {
  u64 vmcb = 0;

  bpf_probe_read_kernel(&vmcb, sizeof(vmcb), (void*)(vcpu + OFFSET_OF(struct vcpu_svm, vmcb)));
#define COPY(to, field) \
  bpf_probe_read_kernel(&(to), sizeof(to), (void*)(vmcb + OFFSET_OF(struct vmcb, field)))
  COPY(cycle->reason, control.exit_code);
  COPY(cycle->info1, control.exit_info_1);
  COPY(cycle->info2, control.exit_info_2);
  COPY(cycle->exit_int_info, control.exit_int_info);
  COPY(cycle->event_inj, control.event_inj);
  COPY(cycle->rip, save.rip);
  COPY(cycle->rax, save.rax);
#undef COPY
}

/* The same, as far as an exit is told from others: its reason, what tells a port, and what is injected. */
struct vmcb_short {
  u64 info1;
  u32 reason;
  u32 event_inj;
};
static __always_inline void vmcb_read_short(struct vmcb_short* exit, u64 vcpu) {
  u64 vmcb = word_at(vcpu + OFFSET_OF(struct vcpu_svm, vmcb));

  if (PLAIN_LOADS) {
    const struct two_words* code = words_at(vmcb + OFFSET_OF(struct vmcb, control.exit_code));

    exit->reason = (u32)code->first;
    exit->info1 = (u64)code->second;
  } else {
    u64 code[2] = {0, 0};

    bpf_probe_read_kernel(code, sizeof(code), (void*)(vmcb + OFFSET_OF(struct vmcb, control.exit_code)));
    exit->reason = (u32)code[0];
    exit->info1 = code[1];
  }
  exit->event_inj = (u32)word_at(vmcb + OFFSET_OF(struct vmcb, control.event_inj));
}

#endif
