/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Kernel memory is read in two ways: by bpf_rdonly_cast() where the kernel has it (6.2 and later; plain
 * loads), by bpf_probe_read_kernel() elsewhere. The recorder decides before loading, by BTF.
 */
#ifndef TRAPLINE_BPF_KERNEL_MEMORY_H
#define TRAPLINE_BPF_KERNEL_MEMORY_H

#include "kernel_types.h"
#include "record.h"

extern void* bpf_rdonly_cast(const void* object, __u32 btf_id) __ksym __weak;

const volatile trl_u32 have_rdonly_cast; /* a truth value; user space's header of this object has no bool */
/*
 * The probes are compiled twice: an object that so much as mentions a kfunc that the kernel lacks makes
 * libbpf (1.1) look into the modules' BTF for it, which takes CAP_SYS_ADMIN.
 */
#ifdef TRAPLINE_COPIES_ONLY
#define PLAIN_LOADS 0
#else
#define PLAIN_LOADS have_rdonly_cast
#endif
/* BTF id of struct timespec64 in vmlinux, which stands for "two 64-bit words" (include/linux/time64.h):
 * bpf_rdonly_cast() takes types of vmlinux only. */
const volatile trl_u32 timespec64_btf_id;

struct two_words {
  u64 first;
  u64 second;
};

#define OFFSET_OF(type, field) __builtin_preserve_field_info(((type*)0)->field, 0 /* byte offset */)

/* The two 64-bit words at a kernel address; only with PLAIN_LOADS. */
static __always_inline const struct two_words* words_at(u64 address) {
  return bpf_rdonly_cast((const void*)address, timespec64_btf_id);
}

/* One 64-bit word, however it can be read. */
static __always_inline u64 word_at(u64 address) {
  u64 word = 0;

  if (PLAIN_LOADS) return words_at(address)->first;
  bpf_probe_read_kernel(&word, sizeof(word), (const void*)address);
  return word;
}

#endif
