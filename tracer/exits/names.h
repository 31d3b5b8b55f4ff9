// Names of the numbers that exits carry: MSRs, ports, hypercalls, device memory, and (vectors.h) vectors.
#pragma once

#include <cstdint>
#include <string_view>

#include "tracer/exits/vectors.h"

namespace trapline::tracer {

// All of them: empty where there is no name.
[[nodiscard]] std::string_view msr_name(std::uint32_t msr);    // "x2APIC EOI", "TSC_DEADLINE"
[[nodiscard]] std::string_view port_name(std::uint64_t port);  // "COM1", "PIC1"
[[nodiscard]] std::string_view hypercall_name(
    std::uint64_t number);  // "SEND_IPI": KVM_HC_* of <linux/kvm_para.h>

// The device whose registers lie at a guest-physical address of every PC: "LAPIC", "IOAPIC", "HPET".
[[nodiscard]] std::string_view device_window_name(std::uint64_t gpa);

}  // namespace trapline::tracer
