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
  guest_platform platform = GUEST_PLATFORM_HARDWARE;
};

// Loads the kernel, maps memory and writes the parameters. Returns the root of the page tables, for CR3.
// Descriptor tables are the delivery path's matter.
[[nodiscard]] Result<std::uint64_t> write_boot_memory(const GuestMemory& memory, const KernelImage& image,
                                                      const BootParams& params);

// Long mode with paging at the given privilege level, x2APIC enabled, segments and TR loaded: the state in
// which a kernel starts. What KVM's reset state has beyond that is kept.
struct KernelStart {
  std::uint64_t page_table_root = 0;
  unsigned cpl = 0;
  std::uint16_t code_selector = 0;
  std::uint16_t stack_selector = 0;
  std::uint64_t gdt = 0;  // GUEST_GDT_BYTES there
  std::uint64_t idt = 0;  // GUEST_IDT_BYTES there; 0: none yet
  std::uint64_t tss = 0;
  bool first_vcpu = true;
};
void set_long_mode(kvm_sregs& sregs, const KernelStart& start);

}  // namespace trapline::vmm
