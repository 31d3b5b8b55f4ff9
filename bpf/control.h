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
  trl_u64 unattributed; /* interrupts raised where nothing tells of which VM they are */
  trl_u64 filtered;     /* exit cycles that the filter does not want */
  trl_u64 reserved[3];
  trl_u64 tail; /* written by the recorder */
  trl_u64 reserved_too[7];
};

/* TRL_CYCLE_OPEN on its way through the ring buffer: which CPU made it is not part of the record. */
struct trl_open_cycle_carrier {
  struct trl_exit_cycle cycle;
  trl_u32 cpu;
  trl_u32 reserved;
};

/* Threads that run vCPUs or raise interrupts, at most: a table of this many places, a power of two. */
#define TRL_SLOTS 8192
/* Of them in one run of the probe that tells of open cycles. */
#define TRL_SLOTS_AT_ONCE 1024

/* VMs and vCPUs that one recording can tell apart; their numbers are never used twice. */
#define TRL_VMS 8192
#define TRL_VCPUS 16384
#define TRL_NO_VM 0xffff
/* The vCPU of the recorder's own process, with which it measures what the probes cost before it records
 * others. */
#define TRL_CALIBRATION 0xfffe

/*
 * What is known of each VM and vCPU, by its number: the probes fill a place in and publish it by `seen_ns`,
 * last; the recorder reads it.
 */
struct trl_vm {
  trl_u64 seen_ns; /* when the probes first saw it; 0: not yet filled in */
  trl_u32 tgid;    /* the process that runs it */
  trl_u32 unused;  /* 1: two threads saw it at once, and the other one's number is used */
  char comm[16];   /* of that process; not NUL-terminated when 16 bytes long */
};
struct trl_vcpu {
  trl_u64 seen_ns;
  trl_u32 tid; /* the thread that ran it last; 0: only an interrupt for it was seen */
  trl_u16 vm;
  trl_u16 vcpu_id; /* KVM's */
  trl_u32 unused;  /* as in trl_vm */
  trl_u32 reserved;
};

/* Which VMs are recorded. */
enum trl_selection {
  TRL_SELECT_OWN = 0,       /* those of one process, whose vCPUs are numbered by their vcpu_id */
  TRL_SELECT_PROCESSES = 1, /* those of the processes in the map `processes` */
  TRL_SELECT_ALL = 2,
};

/* Exits that are left out. SVM's exit codes end at 0x403, VMX's basic reasons far below. */
#define TRL_FILTER_REASONS 2048
#define TRL_FILTER_VCPUS 4096

#ifdef __cplusplus
static_assert(sizeof(trl_ring_control) == 128 && offsetof(trl_ring_control, tail) == 64);
static_assert(sizeof(trl_open_cycle_carrier) == 88);
static_assert(sizeof(trl_vm) == 32 && sizeof(trl_vcpu) == 24);
#endif

#endif
