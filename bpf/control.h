/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* State that the probes and user space both touch while recording. Not part of a recording. */
#ifndef TRAPLINE_BPF_CONTROL_H
#define TRAPLINE_BPF_CONTROL_H

#include "record.h"

/*
 * One ring of exit cycles per CPU. Its only producer is kvm_entry, which runs with interrupts off, so plain
 * stores do; its only consumer is the recorder. `head` and `tail` count records since the start, never wrap,
 * and live on cache lines of their own.
 */
struct trl_ring_control {
  trl_u64 head;         /* written by the probe */
  trl_u64 cycles_lost;  /* exit cycles that found the ring full */
  trl_u64 events_lost;  /* small records that found the shared ring buffer full */
  trl_u64 unattributed; /* interrupts raised in kernel threads: of which VM cannot be told */
  trl_u64 reserved[4];
  trl_u64 tail; /* written by the recorder */
  trl_u64 reserved_too[7];
};

/* TRL_CYCLE_OPEN on its way through the ring buffer: which CPU made it is not part of the record. */
struct trl_open_cycle_carrier {
  struct trl_exit_cycle cycle;
  trl_u32 cpu;
  trl_u32 reserved;
};

/* Threads that run vCPUs, at most: a table of this many places, a power of two. */
#define TRL_SLOTS 1024

#ifdef __cplusplus
static_assert(sizeof(trl_ring_control) == 128 && offsetof(trl_ring_control, tail) == 64);
static_assert(sizeof(trl_open_cycle_carrier) == 88);
#endif

#endif
