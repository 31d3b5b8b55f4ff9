// What is in guest memory, and in a vCPU's registers, before the first instruction runs.
#pragma once

#include <linux/kvm.h>

#include <cstdint>
#include <span>

#include "base/result.h"
#include "vmm/guest/abi.h"
#include "vmm/machine/guest_memory.h"
#include "vmm/machine/kernel_image.h"

namespace trapline::vmm {

struct BootParams {
  std::span<const guest_workload_request> workloads;
  std::uint32_t vcpus = 1;
  std::uint32_t flags = 0;  // GUEST_FLAG_*
  std::uint32_t ring_stamps = GUEST_RING_MAX_STAMPS;
  std::uint32_t timer_ns = 0;
  std::uint32_t doorbell_us = 0;
};

// Loads the kernel, maps memory and writes the parameters. Returns the root of the page tables, for CR3.
// Descriptor tables are the delivery path's matter.
[[nodiscard]] Result<std::uint64_t> write_boot_memory(const GuestMemory& memory, const KernelImage& image,
                                                      const BootParams& params);

// Long mode with paging at the given privilege level, x2APIC enabled, no IDT: the state in which a kernel
// starts. What KVM's reset state has beyond that is kept.
void set_long_mode(kvm_sregs& sregs, std::uint64_t page_table_root, unsigned cpl, std::uint16_t code_selector,
                   std::uint16_t stack_selector);

}  // namespace trapline::vmm
