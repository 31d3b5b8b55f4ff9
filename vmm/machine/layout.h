// The guest-physical map. The numbers are in vmm/guest/abi.h, because the guest is built with them.
//
//   0x0000'0000  nothing is mapped: a null dereference faults
//   0x0000'1000  GDT, IDT, parameters, panic record           one page each
//   0x0000'8000  TSS                                          a page per vCPU
//   0x0001'0000  counts                                       a page per vCPU
//   0x0001'8000  shared: stamp ring's head, ... (user: write)  a page per vCPU
//   0x0002'0000  page tables
//   0x0006'0000  kernel stacks                                32 KiB per vCPU
//   0x000a'0000  user stacks (user: write)                    32 KiB per vCPU
//   0x000e'0000  demand page: present only between its fault and the next null dereference
//   0x0010'0000  kernel: text, rodata, data                   up to 512 KiB
//   0x0018'0000  user program: text, rodata (user: read)      up to 256 KiB
//   0x001c'0000  the monitor's IDT and GDT; from 0x001c'8000 its state and stack, 8 KiB per vCPU; event
//   channels,
//                a page per vCPU; from 0x001e'0000 its text. Unused where the kernel runs at CPL 0
//   0x0020'0000  stamp rings (user: write)                    2 MiB per vCPU
//   end of RAM
//   0xfec0'0000  IOAPIC, in the kernel of the host or in the VMM
//   0xfed4'0000  a device page of the VMM
//
// All of it but the rings lies in the first 2 MiB, so that two huge pages back a machine with one vCPU and
// the nested page tables are complete after two faults.
#pragma once

#include <cstddef>
#include <cstdint>

#include "vmm/guest/abi.h"

namespace trapline::vmm {

inline constexpr std::uint64_t kHugePageBytes = std::uint64_t{2} << 20;

// Three pages that KVM keeps for itself where VMX needs them; outside of RAM (kvmtool and Firecracker use it
// too).
inline constexpr std::uint32_t kTssAddress = 0xfffbd000;

[[nodiscard]] constexpr std::size_t guest_memory_bytes(std::uint32_t vcpus) {
  return GUEST_RING(std::size_t{vcpus});
}

static_assert(GUEST_TSS(GUEST_MAX_VCPUS) <= GUEST_COUNTS(0));
static_assert(GUEST_COUNTS(GUEST_MAX_VCPUS) <= GUEST_SHARED(0));
static_assert(GUEST_SHARED(GUEST_MAX_VCPUS) <= GUEST_PAGE_TABLES);
static_assert(GUEST_PAGE_TABLES_END <= GUEST_KERNEL_STACK_TOP(0) - GUEST_KERNEL_STACK_BYTES);
static_assert(GUEST_KERNEL_STACK_TOP(GUEST_MAX_VCPUS - 1) <=
              GUEST_USER_STACK_TOP(0) - GUEST_USER_STACK_BYTES);
static_assert(GUEST_USER_STACK_TOP(GUEST_MAX_VCPUS - 1) <= GUEST_DEMAND_PAGE(0));
static_assert(GUEST_DEMAND_PAGE(GUEST_MAX_VCPUS) <= GUEST_KERNEL_IMAGE);
static_assert(GUEST_USER_IMAGE_END <= GUEST_MONITOR_IDT && GUEST_MONITOR_GDT < GUEST_MONITOR_STATE(0));
static_assert(GUEST_MONITOR_STATE(GUEST_MAX_VCPUS) <= GUEST_EVENTS(0));
static_assert(GUEST_MONITOR_STATE(0) % GUEST_MONITOR_AREA_BYTES == 0);
static_assert(GUEST_EVENTS(GUEST_MAX_VCPUS) <= GUEST_MONITOR_IMAGE);
static_assert(GUEST_MONITOR_IMAGE_END <= GUEST_RING(0));
static_assert(GUEST_RING(0) % kHugePageBytes == 0);
static_assert(GUEST_RING_MAX_STAMPS * sizeof(guest_stamp) == GUEST_RING(1) - GUEST_RING(0));

}  // namespace trapline::vmm
