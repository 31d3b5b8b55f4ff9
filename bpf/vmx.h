/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What an exit was, on VMX. KVM reads most of the VMCS only when it wants to know (vmx_get_exit_qual,
 * vmx_get_intr_info, vmx_cache_reg), and keeps what it read in struct vcpu_vmx until the next exit: a field
 * that nobody asked for since then is stale. Two ways out, of which the recorder chooses one before loading:
 *
 * complete   The classic tracepoint kvm_exit makes KVM read all of it for its own record, and a program on it
 *            takes it from there: exit RIP included, but a classic tracepoint costs more, and so do VMREADs.
 *
 * light      raw tracepoints only. Fields of struct vcpu_vmx (since Linux 6.16 of its member `vt`) are taken
 * at the entry if KVM's `regs_avail` says that they were read since the exit. The qualification then is right
 * for every exit that has one, and so is the interruption information; of the RIP only that of the next
 * instruction is left, so it is not told.
 *
 * The guest-physical address of an EPT violation or misconfiguration is in no structure of KVM's that lives
 * until the entry: three tracepoints tell of it, which fire for such exits only.
 */
#ifndef TRAPLINE_BPF_VMX_H
#define TRAPLINE_BPF_VMX_H

#include "kernel_memory.h"
#include "record.h"
#include "slot.h"

/* Both truth values. */
const volatile trl_u32 isa_is_vmx;
const volatile trl_u32 vmx_complete;

/* arch/x86/include/asm/vmx.h; Intel SDM Vol. 3D, table C-1 */
enum {
  VMX_EXIT_EXCEPTION_NMI = 0,
  VMX_EXIT_EXTERNAL_INTERRUPT = 1,
  VMX_EXIT_EPT_VIOLATION = 48,
  VMX_EXIT_EPT_MISCONFIG = 49,
};
#define VMX_BASIC_REASON 0xffff

/* Bits of kvm_vcpu_arch.regs_avail, enum kvm_reg of arch/x86/include/asm/kvm_host.h: the same from Linux 5.15
 * to 7.3, and the recorder refuses a kernel where they differ (tracer/recorder/vmx_support.cpp). */
#define VCPU_HAS_EXIT_INFO_1 (1u << 23) /* exit_qualification was read since the exit */
#define VCPU_HAS_EXIT_INFO_2 (1u << 24) /* exit_intr_info was */

/* VM-entry interruption information, Intel SDM Vol. 3C, 25.8.3 */
#define VMX_EVENT_VALID (1u << 31)
#define VMX_EVENT_NMI (2u << 8 | 2)
#define VMX_EVENT_EXCEPTION (3u << 8)
#define VMX_EVENT_SOFTWARE_INTERRUPT (4u << 8)
#define VMX_EVENT_SOFTWARE_EXCEPTION (6u << 8)
#define VMX_EVENT_HAS_ERROR_CODE (1u << 11)

/* What the entry is going to inject, as KVM's own fields say it: the VMCS cannot be read from here. */
static __always_inline u32 vmx_event_to_inject(u64 vcpu) {
#define BYTE(field) ((u8)word_at(vcpu + OFFSET_OF(struct kvm_vcpu, arch.field)))
  if (BYTE(exception.injected)) {
    u32 vector = BYTE(exception.vector);
    /* kvm_exception_is_soft(): INT3 and INTO */
    u32 type = vector == 3 || vector == 4 ? VMX_EVENT_SOFTWARE_EXCEPTION : VMX_EVENT_EXCEPTION;

    return VMX_EVENT_VALID | type | (BYTE(exception.has_error_code) ? VMX_EVENT_HAS_ERROR_CODE : 0) | vector;
  }
  if (BYTE(nmi_injected)) return VMX_EVENT_VALID | VMX_EVENT_NMI;
  if (BYTE(interrupt.injected)) {
    return VMX_EVENT_VALID | (BYTE(interrupt.soft) ? VMX_EVENT_SOFTWARE_INTERRUPT : 0) | BYTE(interrupt.nr);
  }
#undef BYTE
  return 0;
}

/* Exactly what info2 is for: see record.h. */
static __always_inline u64 vmx_info2(const struct slot* slot) {
  switch (slot->reason & VMX_BASIC_REASON) {
    case VMX_EXIT_EPT_VIOLATION:
    case VMX_EXIT_EPT_MISCONFIG:
      return slot->gpa;
    case VMX_EXIT_EXCEPTION_NMI:
    case VMX_EXIT_EXTERNAL_INTERRUPT:
      return slot->intr_info;
    default:
      return 0;
  }
}

/* Of a light cycle, at its entry or while it is open: what KVM has read since the exit. */
static __always_inline void vmx_read_copy(struct slot* slot, u64 vcpu) {
  u32 available = 0;
  u64 qualification = 0;
  u32 intr_info = 0;

#define COPY(to, type, field) bpf_probe_read_kernel(&(to), sizeof(to), (void*)(vcpu + OFFSET_OF(type, field)))
  COPY(slot->reason, struct vcpu_vmx, exit_reason.full);
  COPY(slot->vectoring, struct vcpu_vmx, idt_vectoring_info);
  COPY(available, struct kvm_vcpu, arch.regs_avail);
  if (available & VCPU_HAS_EXIT_INFO_1) COPY(qualification, struct vcpu_vmx, exit_qualification);
  if (available & VCPU_HAS_EXIT_INFO_2) COPY(intr_info, struct vcpu_vmx, exit_intr_info);
#undef COPY
  slot->qualification = qualification;
  slot->intr_info = intr_info;
  slot->rip = 0;
}

static __always_inline void vmx_read_cast(struct slot* slot, u64 vcpu) {
  u32 available = (u32)words_at(vcpu + OFFSET_OF(struct kvm_vcpu, arch.regs_avail))->first;

  slot->reason = (u32)words_at(vcpu + OFFSET_OF(struct vcpu_vmx, exit_reason.full))->first;
  slot->vectoring = (u32)words_at(vcpu + OFFSET_OF(struct vcpu_vmx, idt_vectoring_info))->first;
  slot->qualification = available & VCPU_HAS_EXIT_INFO_1
                            ? (u64)words_at(vcpu + OFFSET_OF(struct vcpu_vmx, exit_qualification))->first
                            : 0;
  slot->intr_info = available & VCPU_HAS_EXIT_INFO_2
                        ? (u32)words_at(vcpu + OFFSET_OF(struct vcpu_vmx, exit_intr_info))->first
                        : 0;
  slot->rip = 0;
}

/* What the slot knows of the exit, into the record. */
static __always_inline void vmx_fill(struct trl_exit_cycle* cycle, const struct slot* slot) {
  cycle->reason = slot->reason;
  cycle->rip = slot->rip;
  cycle->info1 = slot->qualification;
  cycle->info2 = vmx_info2(slot);
  cycle->exit_int_info = slot->vectoring;
  cycle->rax = slot->rax;
}

#endif
