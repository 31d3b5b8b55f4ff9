#include "tracer/exits/names.h"

#include <algorithm>
#include <array>
#include <span>

namespace trapline::tracer {
namespace {

struct NamedRange {
  std::uint64_t first;
  std::uint64_t last;
  std::string_view name;
};

// x2APIC registers: MSR 0x800 + offset/16 of the LAPIC page (SDM Vol. 3A, table 11-6). KVM's own:
// <asm/kvm_para.h>.
constexpr auto kMsrs = std::to_array<NamedRange>({
    {0x10, 0x10, "TSC"},
    {0x1b, 0x1b, "APIC_BASE"},
    {0x3a, 0x3a, "FEATURE_CONTROL"},
    {0x3b, 0x3b, "TSC_ADJUST"},
    {0x48, 0x48, "SPEC_CTRL"},
    {0x49, 0x49, "PRED_CMD"},
    {0x8b, 0x8b, "MICROCODE_REV"},
    {0xfe, 0xfe, "MTRRCAP"},
    {0x11e, 0x11e, "BBL_CR_CTL3"},
    {0x174, 0x174, "SYSENTER_CS"},
    {0x175, 0x175, "SYSENTER_ESP"},
    {0x176, 0x176, "SYSENTER_EIP"},
    {0x179, 0x179, "MCG_CAP"},
    {0x17a, 0x17a, "MCG_STATUS"},
    {0x17b, 0x17b, "MCG_CTL"},
    {0x186, 0x189, "EVNTSEL"},
    {0x1a0, 0x1a0, "MISC_ENABLE"},
    {0x1d9, 0x1d9, "DEBUGCTL"},
    {0x200, 0x20f, "MTRR"},
    {0x250, 0x250, "MTRR"},
    {0x258, 0x259, "MTRR"},
    {0x268, 0x26f, "MTRR"},
    {0x277, 0x277, "PAT"},
    {0x2ff, 0x2ff, "MTRR_DEF_TYPE"},
    {0x38d, 0x38d, "FIXED_CTR_CTRL"},
    {0x38f, 0x38f, "PERF_GLOBAL_CTRL"},
    {0x400, 0x47f, "MCE bank"},
    {0x6e0, 0x6e0, "TSC_DEADLINE"},
    {0x802, 0x802, "x2APIC ID"},
    {0x803, 0x803, "x2APIC VERSION"},
    {0x808, 0x808, "x2APIC TPR"},
    {0x80a, 0x80a, "x2APIC PPR"},
    {0x80b, 0x80b, "x2APIC EOI"},
    {0x80d, 0x80d, "x2APIC LDR"},
    {0x80f, 0x80f, "x2APIC SVR"},
    {0x810, 0x817, "x2APIC ISR"},
    {0x818, 0x81f, "x2APIC TMR"},
    {0x820, 0x827, "x2APIC IRR"},
    {0x828, 0x828, "x2APIC ESR"},
    {0x82f, 0x82f, "x2APIC LVT_CMCI"},
    {0x830, 0x830, "x2APIC ICR"},
    {0x832, 0x832, "x2APIC LVT_TIMER"},
    {0x833, 0x833, "x2APIC LVT_THERMAL"},
    {0x834, 0x834, "x2APIC LVT_PMI"},
    {0x835, 0x835, "x2APIC LVT_LINT0"},
    {0x836, 0x836, "x2APIC LVT_LINT1"},
    {0x837, 0x837, "x2APIC LVT_ERROR"},
    {0x838, 0x838, "x2APIC INIT_COUNT"},
    {0x839, 0x839, "x2APIC CUR_COUNT"},
    {0x83e, 0x83e, "x2APIC DIV_CONF"},
    {0x83f, 0x83f, "x2APIC SELF_IPI"},
    {0xda0, 0xda0, "XSS"},
    {0x40000000, 0x40000000, "HV_GUEST_OS_ID"},
    {0x40000001, 0x40000001, "HV_HYPERCALL"},
    {0x40000020, 0x40000020, "HV_TIME_REF_COUNT"},
    {0x40000070, 0x40000070, "HV_EOI"},
    {0x40000071, 0x40000071, "HV_ICR"},
    {0x40000072, 0x40000072, "HV_TPR"},
    {0x400000b0, 0x400000b7, "HV_STIMER"},
    {0x4b564d00, 0x4b564d00, "KVM_WALL_CLOCK"},
    {0x4b564d01, 0x4b564d01, "KVM_SYSTEM_TIME"},
    {0x4b564d02, 0x4b564d02, "KVM_ASYNC_PF_EN"},
    {0x4b564d03, 0x4b564d03, "KVM_STEAL_TIME"},
    {0x4b564d04, 0x4b564d04, "KVM_PV_EOI_EN"},
    {0x4b564d05, 0x4b564d05, "KVM_POLL_CONTROL"},
    {0x4b564d06, 0x4b564d06, "KVM_ASYNC_PF_INT"},
    {0x4b564d07, 0x4b564d07, "KVM_ASYNC_PF_ACK"},
    {0x4b564d08, 0x4b564d08, "KVM_MIGRATION_CONTROL"},
    {0xc0000080, 0xc0000080, "EFER"},
    {0xc0000081, 0xc0000081, "STAR"},
    {0xc0000082, 0xc0000082, "LSTAR"},
    {0xc0000083, 0xc0000083, "CSTAR"},
    {0xc0000084, 0xc0000084, "SYSCALL_MASK"},
    {0xc0000100, 0xc0000100, "FS_BASE"},
    {0xc0000101, 0xc0000101, "GS_BASE"},
    {0xc0000102, 0xc0000102, "KERNEL_GS_BASE"},
    {0xc0000103, 0xc0000103, "TSC_AUX"},
    {0xc0010000, 0xc0010003, "K7_EVNTSEL"},
    {0xc0010004, 0xc0010007, "K7_PERFCTR"},
    {0xc0010010, 0xc0010010, "SYSCFG"},
    {0xc0010015, 0xc0010015, "HWCR"},
    {0xc0010200, 0xc001020b, "AMD PMC"},
});

// The PC's fixed ports.
constexpr auto kPorts = std::to_array<NamedRange>({
    {0x00, 0x0f, "DMA1"},
    {0x20, 0x21, "PIC1"},
    {0x40, 0x43, "PIT"},
    {0x60, 0x60, "keyboard"},
    {0x61, 0x61, "system control B"},
    {0x64, 0x64, "keyboard"},
    {0x70, 0x71, "RTC/CMOS"},
    {0x80, 0x80, "POST code"},
    {0x92, 0x92, "system control A"},
    {0xa0, 0xa1, "PIC2"},
    {0xc0, 0xdf, "DMA2"},
    {0xe9, 0xe9, "debug console"},
    {0x170, 0x177, "IDE2"},
    {0x1f0, 0x1f7, "IDE1"},
    {0x2e8, 0x2ef, "COM4"},
    {0x2f8, 0x2ff, "COM2"},
    {0x3c0, 0x3df, "VGA"},
    {0x3e8, 0x3ef, "COM3"},
    {0x3f0, 0x3f7, "floppy"},
    {0x3f8, 0x3ff, "COM1"},
    {0x4d0, 0x4d1, "ELCR"},
    {0x510, 0x511, "fw_cfg"},
    {0xcf8, 0xcfb, "PCI address"},
    {0xcfc, 0xcff, "PCI data"},
});

constexpr auto kHypercalls = std::to_array<NamedRange>({
    {1, 1, "VAPIC_POLL_IRQ"},
    {2, 2, "MMU_OP"},
    {3, 3, "FEATURES"},
    {4, 4, "PPC_MAP_MAGIC_PAGE"},
    {5, 5, "KICK_CPU"},
    {6, 6, "MIPS_GET_CLOCK_FREQ"},
    {7, 7, "MIPS_EXIT_VM"},
    {8, 8, "MIPS_CONSOLE_OUTPUT"},
    {9, 9, "CLOCK_PAIRING"},
    {10, 10, "SEND_IPI"},
    {11, 11, "SCHED_YIELD"},
    {12, 12, "MAP_GPA_RANGE"},
});

// A page each, but for the HPET's KiB. All PC chipsets have them there; firmware could move the LAPIC, none
// does.
constexpr auto kDeviceWindows = std::to_array<NamedRange>({
    {0xfec00000, 0xfec00fff, "IOAPIC"},
    {0xfed00000, 0xfed003ff, "HPET"},
    {0xfee00000, 0xfee00fff, "LAPIC"},
});

constexpr bool in_order(std::span<const NamedRange> rows) {
  for (std::size_t i = 1; i < rows.size(); ++i) {
    if (rows[i].first <= rows[i - 1].last) return false;
  }
  return true;
}
static_assert(in_order(kMsrs) && in_order(kPorts) && in_order(kHypercalls) && in_order(kDeviceWindows));

std::string_view name_in(std::span<const NamedRange> rows, std::uint64_t number) {
  const auto row = std::ranges::lower_bound(rows, number, {}, &NamedRange::last);
  return row != rows.end() && row->first <= number ? row->name : std::string_view{};
}

}  // namespace

std::string_view msr_name(std::uint32_t msr) {
  return name_in(kMsrs, msr);
}
std::string_view port_name(std::uint64_t port) {
  return name_in(kPorts, port);
}
std::string_view hypercall_name(std::uint64_t number) {
  return name_in(kHypercalls, number);
}
std::string_view device_window_name(std::uint64_t gpa) {
  return name_in(kDeviceWindows, gpa);
}

}  // namespace trapline::tracer
