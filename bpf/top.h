/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the probes of `trapline top` add up in the kernel, and user space reads each interval. */
#ifndef TRAPLINE_BPF_TOP_H
#define TRAPLINE_BPF_TOP_H

#include "record.h"

/*
 * Histograms are log-linear: durations below 8 ns have a bucket each, above it each power of two has 8. A
 * duration that is told by the middle of its bucket is wrong by 1/16 at the most. The last bucket takes in
 * all that is longer (137 s).
 */
#define TRL_TOP_STEP_BITS 3
#define TRL_TOP_STEPS (1 << TRL_TOP_STEP_BITS)
#define TRL_TOP_LARGEST_BITS 37
#define TRL_TOP_BUCKETS ((TRL_TOP_LARGEST_BITS - TRL_TOP_STEP_BITS + 1) * TRL_TOP_STEPS)

/*
 * The key of a row, never 0:
 *   bits 63:48  the vCPU's number + 1
 *   bits 47:44  enum trl_top_kind
 *   exits: bits 43:28 the reason (SVM: exit code, 0xffff: one that is higher; VMX: basic reason), bit 27 VMX:
 * the entry failed; of port accesses bits 22:16 are bits 6:0 of EXITINFO1 or of the exit qualification, bits
 * 15:0 the port vectors: bits 10:0 are those of the event field: vector and type
 */
enum trl_top_kind {
  TRL_TOP_EXIT = 0,
  TRL_TOP_VECTOR = 1,
};
#define TRL_TOP_VCPU_SHIFT 48
#define TRL_TOP_KIND_SHIFT 44
#define TRL_TOP_REASON_SHIFT 28
#define TRL_TOP_FAILED_ENTRY (1u << 27)
#define TRL_TOP_OTHER_REASON 0xffff

/*
 * What is added up of one key. Exits of a vCPU are counted by its own thread with interrupts off, so plain
 * stores do; they never go back. `accepted` and `waits_since_ns` are other threads' too.
 */
struct trl_top_row {
  trl_u64 key;     /* 0: the row is free */
  trl_u64 count;   /* exits, from exit to entry; injections, those that are repeated included */
  trl_u64 to_user; /* exits with which KVM_RUN returned to user space */
  trl_u64
      timed; /* durations in total_ns, max_ns and the histogram: all exits; injections of accepted vectors */
  trl_u64 total_ns;       /* exit to entry; accepted to injected */
  trl_u64 user_ns;        /* of it in user space */
  trl_u64 max_ns;         /* since user space last set it to 0 */
  trl_u64 accepted;       /* vectors: how often the LAPIC accepted it */
  trl_u64 waits_since_ns; /* vectors: accepted and not injected yet; 0: none is */
  trl_u64 posted;         /* vectors: of accepted, those that the processor delivers without an injection */
  trl_u32 histogram[TRL_TOP_BUCKETS];
};

/* Of each vCPU, by its number. */
struct trl_top_vcpu {
  /* A cycle that was open when tell_open_cycles() ran; user space sets exit_ns to 0 before. */
  trl_u64 exit_ns;
  trl_u64 user_exit_ns; /* 0: it is in KVM */
  trl_u64 key;          /* of its row */
  trl_u64 ended_ns;     /* when the thread `ended_tid` ended that ran it */
  trl_u32 ended_tid;
  trl_u32 reserved;
};

#ifdef __cplusplus
static_assert(sizeof(trl_top_row) == 80 + 4 * TRL_TOP_BUCKETS && sizeof(trl_top_row) % 8 == 0);
static_assert(sizeof(trl_top_vcpu) == 40);
#endif

#endif
