// Tables and registers of a kernel that runs at CPL 0 behind its own IDT: what the hvm paths share. Its IDT,
// GDT and TSS are also what the emulate path's kernel believes to be in force.
#pragma once

#include <vector>

#include "vmm/paths/delivery_path.h"

namespace trapline::vmm {

// The segments that all paths have, by selector; the rest of the GDT is left alone.
[[nodiscard]] Status write_hardware_tables(const GuestMemory& memory, const KernelImage& image,
                                           std::uint32_t vcpus);
void set_hardware_state(const KernelImage& image, std::uint64_t page_table_root, std::uint32_t vcpu,
                        VcpuState& state);

// What a kernel of any privilege starts with: general registers, and STAR, LSTAR and SFMASK for a SYSCALL
// that enters at CPL 0.
void set_entry_registers(const KernelImage& image, std::uint32_t vcpu, std::uint64_t syscall_entry,
                         VcpuState& state);

// Why a kernel with all privileges does not run some of the workloads of the tests.
[[nodiscard]] std::optional<std::string> privileged_kernel_cannot_run(guest_workload workload);

// Of the vectors that a vCPU's local APIC delivers, where its tables lead to stubs in a row.
[[nodiscard]] std::vector<std::uint64_t> lapic_entries(std::uint64_t stubs, std::uint64_t stub_bytes,
                                                       std::uint32_t vcpu);

}  // namespace trapline::vmm
