// Whether a fault on a guest-physical address was the guest reaching for a device, or KVM not having mapped
// memory.
#pragma once

#include <cstdint>

#include "tracer/exits/kind.h"

namespace trapline::tracer {

// What a nested page fault (SVM) or an EPT violation or misconfiguration (VMX) says of itself.
struct MemoryFault {
  std::uint64_t gpa = 0;
  bool gpa_known = true;
  bool marked_mmio = false;  // KVM had marked the page as a device's: see below
  bool write = false;
  bool fetch = false;
};

// MMIO is the guest's doing (Cause::guest): it reached for a device. Any other fault happened to it
// (Cause::async): its memory was not mapped yet, was taken away, or is watched for writes. The record proves
// MMIO in three ways:
//  1. KVM's mark. At the first access to an address without memory, KVM writes a nested page table entry that
//  faults
//     in a way of its own (arch/x86/kvm/mmu/spte.c, make_mmio_spte): on SVM with reserved bits set (the error
//     code's RSV bit, PFERR_RSVD_MASK, in all later faults), on VMX write-only, which is an EPT
//     misconfiguration.
//  2. KVM_RUN returned with KVM_EXIT_MMIO: a device of the VMM was reached. That tells the first access too.
//  3. The address lies in the window of a device that every PC has there (device_window_name).
// What it cannot prove: the first access to an in-kernel device elsewhere (an ioeventfd, coalesced MMIO, a
// relocated LAPIC), which counts as async once for each page; and, where KVM has no reserved bit to mark
// pages with (kvm.mmio_caching=0; SVM hosts whose physical addresses have 52 bits), every access to such a
// device.
[[nodiscard]] bool is_mmio(const trl_exit_cycle& cycle, const MemoryFault& fault);

// Fills detail, number, access and cause.
void set_memory_fault(const trl_exit_cycle& cycle, const MemoryFault& fault, ExitKind& kind);

}  // namespace trapline::tracer
