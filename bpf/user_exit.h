/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The program that tells when a cycle left for user space, which recording and live figures share. */
#ifndef TRAPLINE_BPF_USER_EXIT_H
#define TRAPLINE_BPF_USER_EXIT_H

#include "slot.h"

SEC("raw_tp/kvm_userspace_exit")
int BPF_PROG(on_userspace_exit, u32 reason, int error) {
  struct slot* slot = slot_of_task(bpf_get_current_task());

  if (!slot) return 0;
  slot->user_reason = error < 0 ? KVM_EXIT_INTR /* run->exit_reason is stale then */ : reason;
  slot->user_exit_ns = bpf_ktime_get_ns();
  return 0;
}

#endif
