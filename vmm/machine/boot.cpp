#include "vmm/machine/boot.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "vmm/machine/layout.h"
#include "vmm/x86/descriptors.h"
#include "vmm/x86/paging.h"

namespace trapline::vmm {

namespace {

constexpr x86::PageAccess kKernelData{.writable = true};
constexpr x86::PageAccess kKernelRead{};
constexpr x86::PageAccess kUserData{.writable = true, .user = true};
constexpr x86::PageAccess kUserRead{.user = true};

struct Range {
  std::uint64_t begin;
  std::uint64_t end;
  x86::PageAccess access;
};

// All but the null page and the demand pages: what the kernel may touch at boot.
constexpr Range kRanges[] = {
    {GUEST_GDT, GUEST_PARAMS, kKernelData},
    {GUEST_PARAMS, GUEST_PANIC, kKernelRead},
    {GUEST_PANIC, GUEST_SHARED(0), kKernelData},
    {GUEST_SHARED(0), GUEST_PAGE_TABLES, kUserData},
    {GUEST_PAGE_TABLES, GUEST_USER_STACK_TOP(0) - GUEST_USER_STACK_BYTES, kKernelData},
    {GUEST_USER_STACK_TOP(0) - GUEST_USER_STACK_BYTES, GUEST_DEMAND_PAGE(0), kUserData},
    {GUEST_DEMAND_PAGE(GUEST_MAX_VCPUS), GUEST_KERNEL_IMAGE, kKernelData},
    {GUEST_KERNEL_IMAGE, GUEST_KERNEL_IMAGE_END, kKernelRead},
    {GUEST_USER_IMAGE, GUEST_USER_IMAGE_END, kUserRead},
    {GUEST_MONITOR_IDT, GUEST_MONITOR_IMAGE, kKernelData},
    {GUEST_MONITOR_IMAGE, GUEST_MONITOR_IMAGE_END, kKernelRead},
};

// PG, WP, NE, ET, MP, PE (AMD APM vol. 2, 3.1.1).
constexpr std::uint64_t kCr0 = 0x80010033;
// OSXMMEXCPT, OSFXSR, PAE (3.1.3).
constexpr std::uint64_t kCr4 = 0x620;
// NXE, LMA, LME, SCE (3.1.7).
constexpr std::uint64_t kEfer = 0xd01;
// Base, enabled, x2APIC (16.3.1, 16.9).
constexpr std::uint64_t kApicBase = 0xfee00c00;
constexpr std::uint64_t kBootstrapProcessor = 0x100;
// SDM vol. 3, 24.4.1 and VM-entry checks 26.3.1.2: what the hidden parts must look like.
constexpr std::uint8_t kCodeReadAccessed = 11;
constexpr std::uint8_t kDataWriteAccessed = 3;
constexpr std::uint8_t kBusyTss = 11;

Status map_range(x86::PageTableBuilder& tables, std::uint64_t begin, std::uint64_t end,
                 x86::PageAccess access) {
  for (std::uint64_t page = begin; page < end; page += x86::kPageBytes) {
    TRAPLINE_TRY(tables.map(page, page, access));
  }
  return {};
}

Result<x86::PageTableBuilder> map_guest(const GuestMemory& memory, const KernelImage& image,
                                        std::uint32_t vcpus) {
  TRAPLINE_ASSIGN(tables,
                  x86::PageTableBuilder::create(memory.bytes(), GUEST_PAGE_TABLES, GUEST_PAGE_TABLES_END));
  for (const Range& range : kRanges)
    TRAPLINE_TRY(map_range(tables, range.begin, range.end, range.access));
  for (const KernelSegment& segment : image.segments) {
    TRAPLINE_TRY(map_range(tables, segment.gpa, segment.gpa + segment.memory_bytes, segment.access));
  }
  TRAPLINE_TRY(map_range(tables, GUEST_RING(0), GUEST_RING(std::uint64_t{vcpus}), kUserData));
  TRAPLINE_TRY(tables.map_device(GUEST_IOAPIC, GUEST_IOAPIC));
  TRAPLINE_TRY(tables.map_device(GUEST_MMIO, GUEST_MMIO));
  return tables;
}

Result<guest_params> to_guest(const BootParams& params, std::uint64_t demand_pte) {
  if (params.workloads.size() > GUEST_MAX_WORKLOADS) {
    return fail(fmt::format("{} workloads are more than the guest takes in one run ({})",
                            params.workloads.size(), GUEST_MAX_WORKLOADS),
                "name fewer", ExitStatus::wrong_usage);
  }
  guest_params guest{};
  guest.magic = GUEST_PARAMS_MAGIC;
  guest.demand_pte = demand_pte;
  guest.flags = params.flags;
  guest.timer_ns = params.timer_ns;
  guest.doorbell_us = params.doorbell_us;
  guest.platform = params.platform;
  guest.vcpus = params.vcpus;
  guest.workload_count = static_cast<std::uint32_t>(params.workloads.size());
  std::copy(params.workloads.begin(), params.workloads.end(), std::begin(guest.workloads));
  return guest;
}

kvm_segment flat_segment(std::uint16_t selector, std::uint8_t type, unsigned cpl) {
  kvm_segment segment{};
  segment.selector = selector;
  segment.limit = 0xffffffff;
  segment.type = type;
  segment.dpl = static_cast<std::uint8_t>(cpl);
  segment.present = 1;
  segment.s = 1;
  segment.g = 1;
  return segment;
}

}  // namespace

Result<std::uint64_t> write_boot_memory(const GuestMemory& memory, const KernelImage& image,
                                        const BootParams& params) {
  if (!std::has_single_bit(params.ring_stamps) || params.ring_stamps < GUEST_RING_MIN_STAMPS ||
      params.ring_stamps > GUEST_RING_MAX_STAMPS) {
    return fail(fmt::format("a stamp ring has a power of two of slots from {} to {}, not {}",
                            GUEST_RING_MIN_STAMPS, GUEST_RING_MAX_STAMPS, params.ring_stamps),
                {}, ExitStatus::wrong_usage);
  }
  TRAPLINE_TRY(image.load(memory));
  TRAPLINE_ASSIGN(tables, map_guest(memory, image, params.vcpus));
  TRAPLINE_ASSIGN(demand_pte, tables.leaf_entry(GUEST_DEMAND_PAGE(0)));
  TRAPLINE_ASSIGN(guest, to_guest(params, demand_pte));
  TRAPLINE_TRY(memory.write(GUEST_PARAMS, guest));
  for (std::uint32_t vcpu = 0; vcpu < params.vcpus; ++vcpu) {
    guest_shared shared{};
    shared.capacity = params.ring_stamps;
    TRAPLINE_TRY(memory.write(GUEST_SHARED(vcpu), shared));
  }
  return tables.root();
}

void set_long_mode(kvm_sregs& sregs, const KernelStart& start) {
  sregs.cs = flat_segment(start.code_selector, kCodeReadAccessed, start.cpl);
  sregs.cs.l = 1;
  sregs.ss = flat_segment(start.stack_selector, kDataWriteAccessed, start.cpl);  // SVM: the CPL is SS.DPL
  sregs.ss.db = 1;
  sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss;
  sregs.tr = kvm_segment{};
  sregs.tr.selector = GUEST_TSS_SELECTOR;
  sregs.tr.base = start.tss;
  sregs.tr.limit = sizeof(x86::TaskStateSegment) - 1;
  sregs.tr.type = kBusyTss;
  sregs.tr.present = 1;
  sregs.ldt = kvm_segment{};
  sregs.ldt.unusable = 1;
  sregs.gdt = kvm_dtable{};
  sregs.gdt.base = start.gdt;
  sregs.gdt.limit = GUEST_GDT_BYTES - 1;
  sregs.idt = kvm_dtable{};
  if (start.idt != 0) {
    sregs.idt.base = start.idt;
    sregs.idt.limit = GUEST_IDT_BYTES - 1;
  }
  sregs.cr0 = kCr0;
  sregs.cr3 = start.page_table_root;
  sregs.cr4 = kCr4;
  sregs.efer = kEfer;
  sregs.apic_base = kApicBase | (start.first_vcpu ? kBootstrapProcessor : 0);
}

}  // namespace trapline::vmm
