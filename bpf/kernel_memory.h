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

#define OFFSET_OF(type, field) __builtin_preserve_field_info(((type*)0)->field, 0 /* byte offset */)

/* The two 64-bit words at a kernel address. */
static __always_inline const struct timespec64* words_at(u64 address) {
  return bpf_rdonly_cast((const void*)address, bpf_core_type_id_kernel(struct timespec64));
}

#endif
