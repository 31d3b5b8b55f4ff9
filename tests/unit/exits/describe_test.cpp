#include "tracer/exits/describe.h"

#include <gtest/gtest.h>

#include "tracer/exits/svm.h"
#include "tracer/exits/vmx.h"

namespace trapline::tracer {
namespace {

constexpr std::uint16_t kUserIo = 2;
constexpr std::uint16_t kUserMmio = 6;

// One exit and what is to be said of it.
struct Case {
  const char* name;
  std::uint16_t flags;
  std::uint32_t reason;
  std::uint64_t info1;
  std::uint64_t info2;
  std::uint32_t rax;
  std::uint32_t rcx;
  std::uint16_t user_reason;
  const char* expected_reason;
  const char* expected_key;
  Cause cause;
  ExitSubject::Kind subject = ExitSubject::Kind::none;
  std::uint64_t number = 0;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

class Describe : public testing::TestWithParam<Case> {};

TEST_P(Describe, SaysReasonKeyAndCause) {
  const Case& c = GetParam();
  trl_exit_cycle cycle{};
  cycle.head.id = TRL_EXIT_CYCLE;
  cycle.flags = static_cast<trl_u16>(c.flags | (c.user_reason != 0 ? TRL_TO_USER : 0));
  cycle.reason = c.reason;
  cycle.info1 = c.info1;
  cycle.info2 = c.info2;
  cycle.rax = c.rax;
  cycle.rcx = c.rcx;
  cycle.user_reason = c.user_reason;
  const ExitDescription description = describe(cycle);
  EXPECT_EQ(description.reason, c.expected_reason);
  EXPECT_EQ(description.key, c.expected_key);
  EXPECT_EQ(cause_name(description.cause), cause_name(c.cause));
  EXPECT_EQ(description.subject.kind, c.subject);
  EXPECT_EQ(description.subject.number, c.number);
}

constexpr auto kGuest = Cause::guest;
constexpr auto kAsync = Cause::async;
using Kind = ExitSubject::Kind;

constexpr std::uint64_t kFinal = 1ull << 32;

INSTANTIATE_TEST_SUITE_P(
    Svm, Describe,
    testing::Values(
        Case{"out", TRL_ISA_SVM, 0x7b, 0x03f80010, 0, 0, 0, kUserIo, "io", "port 0x3f8 out 1", kGuest,
             Kind::port, 0x3f8},
        Case{"in", TRL_ISA_SVM, 0x7b, 0x0cfc0041, 0, 0, 0, 0, "io", "port 0xcfc in 4", kGuest, Kind::port,
             0xcfc},
        // REP INSW: STR, REP, SZ16, IN, and the address and segment bits beside them.
        Case{"ins", TRL_ISA_SVM, 0x7b, 0x01f000ad, 0, 0, 0, 0, "io", "port 0x1f0 in 2 string rep", kGuest,
             Kind::port, 0x1f0},
        Case{"eoi", TRL_ISA_SVM, 0x7c, 1, 0, 0, 0x80b, 0, "msr", "msr 0x80b x2APIC EOI write", kGuest,
             Kind::msr, 0x80b},
        Case{"rdmsr", TRL_ISA_SVM, 0x7c, 0, 0, 0, 0x12345, 0, "msr", "msr 0x12345 read", kGuest, Kind::msr,
             0x12345},
        Case{"cpuid", TRL_ISA_SVM, 0x72, 0, 0, 0x40000001, 7, 0, "cpuid", "leaf 0x40000001", kGuest,
             Kind::cpuid_leaf, 0x40000001},
        Case{"vmmcall", TRL_ISA_SVM, 0x81, 0, 0, 10, 0, 0, "hypercall", "nr 10 SEND_IPI", kGuest,
             Kind::hypercall, 10},
        Case{"own_call", TRL_ISA_SVM, 0x81, 0, 0, 99, 0, 0, "hypercall", "nr 99", kGuest, Kind::hypercall,
             99},
        Case{"hlt", TRL_ISA_SVM, 0x78, 0, 0, 0, 0, 0, "hlt", "", kGuest},
        Case{"idle_hlt", TRL_ISA_SVM, 0xa6, 0, 0, 0, 0, 0, "idle-halt", "", kGuest},
        Case{"read_cr0", TRL_ISA_SVM, 0x00, 1ull << 63 | 3, 0, 0, 0, 0, "read_cr0", "cr0 read", kGuest,
             Kind::control_register, 0},
        Case{"write_cr3", TRL_ISA_SVM, 0x13, 1ull << 63, 0, 0, 0, 0, "write_cr3", "cr3 write", kGuest,
             Kind::control_register, 3},
        Case{"swint", TRL_ISA_SVM, 0x75, 0x80, 0, 0, 0, 0, "swint", "int 0x80", kGuest, Kind::vector, 0x80},
        Case{"interrupt", TRL_ISA_SVM, 0x60, 0, 0, 0, 0, 0, "interrupt", "", kAsync},
        Case{"vintr", TRL_ISA_SVM, 0x64, 0, 0, 0, 0, 0, "vintr", "", kAsync},
        Case{"nmi", TRL_ISA_SVM, 0x61, 0, 0, 0, 0, 0, "nmi", "", kAsync},
        Case{"ud", TRL_ISA_SVM, 0x46, 0, 0, 0, 0, 0, "UD excp", "", kGuest},
        Case{"mc", TRL_ISA_SVM, 0x52, 0, 0, 0, 0, 0, "MC excp", "", kAsync},
        Case{"shutdown", TRL_ISA_SVM, 0x7f, 0, 0, 0, 0, 0, "shutdown", "", kGuest},
        Case{"invalid", TRL_ISA_SVM, 0xffffffff, 0, 0, 0, 0, 0, "invalid_guest_state", "", kGuest},
        Case{"unknown", TRL_ISA_SVM, 0x3ff, 0, 0, 0, 0, 0, "unknown (0x3ff)", "", kGuest}));

INSTANTIATE_TEST_SUITE_P(
    SvmMemory, Describe,
    testing::Values(
        Case{"first_touch", TRL_ISA_SVM, 0x400, kFinal | 6, 0x123456, 0, 0, 0, "npf", "memory", kAsync},
        Case{"first_fetch", TRL_ISA_SVM, 0x400, kFinal | 0x14, 0x1000, 0, 0, 0, "npf", "memory", kAsync},
        Case{"write_protected", TRL_ISA_SVM, 0x400, kFinal | 7, 0x2000, 0, 0, 0, "npf", "memory", kAsync},
        Case{"page_walk", TRL_ISA_SVM, 0x400, 2ull << 32 | 6, 0x3000, 0, 0, 0, "npf", "memory", kAsync},
        // KVM's mark: reserved bits. RSVD comes with P set.
        Case{"marked_write", TRL_ISA_SVM, 0x400, kFinal | 0xf, 0xd0000010, 0, 0, 0, "npf",
             "gpa 0xd0000010 write", kGuest, Kind::gpa, 0xd0000010},
        Case{"marked_read", TRL_ISA_SVM, 0x400, kFinal | 0xd, 0xd0000010, 0, 0, 0, "npf",
             "gpa 0xd0000010 read", kGuest, Kind::gpa, 0xd0000010},
        // The first access to a device page: not present, like memory, but for where it went or
        // where it lies.
        Case{"first_mmio_to_vmm", TRL_ISA_SVM, 0x400, kFinal | 6, 0xd0000000, 0, 0, kUserMmio, "npf",
             "gpa 0xd0000000 write", kGuest, Kind::gpa, 0xd0000000},
        Case{"first_lapic", TRL_ISA_SVM, 0x400, kFinal | 6, 0xfee000b0, 0, 0, 0, "npf",
             "gpa 0xfee000b0 write", kGuest, Kind::gpa, 0xfee000b0},
        Case{"first_ioapic", TRL_ISA_SVM, 0x400, kFinal | 4, 0xfec00000, 0, 0, 0, "npf",
             "gpa 0xfec00000 read", kGuest, Kind::gpa, 0xfec00000},
        // KVM_RUN returned for something else: says nothing about the fault.
        Case{"interrupted", TRL_ISA_SVM, 0x400, kFinal | 6, 0x123456, 0, 0, 10, "npf", "memory", kAsync}));

INSTANTIATE_TEST_SUITE_P(
    Vmx, Describe,
    testing::Values(
        Case{"out", TRL_ISA_VMX, 30, 0x100040, 0, 0, 0, kUserIo, "IO_INSTRUCTION", "port 0x10 out 1", kGuest,
             Kind::port, 0x10},
        Case{"in", TRL_ISA_VMX, 30, 0x0cfc000b, 0, 0, 0, 0, "IO_INSTRUCTION", "port 0xcfc in 4", kGuest,
             Kind::port, 0xcfc},
        Case{"outs", TRL_ISA_VMX, 30, 0x01f00031, 0, 0, 0, 0, "IO_INSTRUCTION", "port 0x1f0 out 2 string rep",
             kGuest, Kind::port, 0x1f0},
        Case{"wrmsr", TRL_ISA_VMX, 32, 0, 0, 0, 0x6e0, 0, "MSR_WRITE", "msr 0x6e0 TSC_DEADLINE write", kGuest,
             Kind::msr, 0x6e0},
        Case{"rdmsr", TRL_ISA_VMX, 31, 0, 0, 0, 0xc0000080, 0, "MSR_READ", "msr 0xc0000080 EFER read", kGuest,
             Kind::msr, 0xc0000080},
        Case{"cpuid", TRL_ISA_VMX, 10, 0, 0, 1, 0, 0, "CPUID", "leaf 0x1", kGuest, Kind::cpuid_leaf, 1},
        Case{"vmcall", TRL_ISA_VMX, 18, 0, 0, 11, 0, 0, "VMCALL", "nr 11 SCHED_YIELD", kGuest,
             Kind::hypercall, 11},
        Case{"hlt", TRL_ISA_VMX, 12, 0, 0, 0, 0, 0, "HLT", "", kGuest},
        Case{"to_cr3", TRL_ISA_VMX, 28, 0x103, 0, 0, 0, 0, "CR_ACCESS", "cr3 write", kGuest,
             Kind::control_register, 3},
        Case{"from_cr8", TRL_ISA_VMX, 28, 0x18, 0, 0, 0, 0, "CR_ACCESS", "cr8 read", kGuest,
             Kind::control_register, 8},
        Case{"clts", TRL_ISA_VMX, 28, 0x20, 0, 0, 0, 0, "CR_ACCESS", "cr0 clts", kGuest,
             Kind::control_register, 0},
        Case{"interrupt", TRL_ISA_VMX, 1, 0, 0x800000ec, 0, 0, 0, "EXTERNAL_INTERRUPT", "vector 0xec", kAsync,
             Kind::vector, 0xec},
        Case{"interrupt_unread", TRL_ISA_VMX, 1, 0, 0, 0, 0, 0, "EXTERNAL_INTERRUPT", "", kAsync},
        Case{"window", TRL_ISA_VMX, 7, 0, 0, 0, 0, 0, "INTERRUPT_WINDOW", "", kAsync},
        Case{"timer", TRL_ISA_VMX, 52, 0, 0, 0, 0, 0, "PREEMPTION_TIMER", "", kAsync},
        Case{"pf", TRL_ISA_VMX, 0, 0x1234, 0x80000b0e, 0, 0, 0, "EXCEPTION_NMI", "#PF", kGuest, Kind::vector,
             14},
        Case{"nmi", TRL_ISA_VMX, 0, 0, 0x80000202, 0, 0, 0, "EXCEPTION_NMI", "NMI", kAsync, Kind::vector, 2},
        Case{"exception_unread", TRL_ISA_VMX, 0, 0, 0, 0, 0, 0, "EXCEPTION_NMI", "", kGuest},
        Case{"first_touch", TRL_ISA_VMX, 48, 0x182, 0x5000, 0, 0, 0, "EPT_VIOLATION", "memory", kAsync},
        Case{"address_unread", TRL_ISA_VMX, 48, 0x182, 0, 0, 0, 0, "EPT_VIOLATION", "memory", kAsync},
        Case{"first_mmio", TRL_ISA_VMX, 48, 0x182, 0xd0000000, 0, 0, kUserMmio, "EPT_VIOLATION",
             "gpa 0xd0000000 write", kGuest, Kind::gpa, 0xd0000000},
        Case{"first_lapic", TRL_ISA_VMX, 48, 0x181, 0xfee00020, 0, 0, 0, "EPT_VIOLATION",
             "gpa 0xfee00020 read", kGuest, Kind::gpa, 0xfee00020},
        Case{"mmio_unread", TRL_ISA_VMX, 49, 0, 0, 0, 0, kUserMmio, "EPT_MISCONFIG", "mmio", kGuest},
        Case{"mmio", TRL_ISA_VMX, 49, 0, 0xd0000040, 0, 0, 0, "EPT_MISCONFIG", "gpa 0xd0000040", kGuest,
             Kind::gpa, 0xd0000040},
        Case{"apic_write", TRL_ISA_VMX, 56, 0x300, 0, 0, 0, 0, "APIC_WRITE", "lapic register 0x300", kGuest,
             Kind::lapic_register, 0x300},
        Case{"eoi_induced", TRL_ISA_VMX, 45, 0x41, 0, 0, 0, 0, "EOI_INDUCED", "vector 0x41", kGuest,
             Kind::vector, 0x41},
        Case{"enclave", TRL_ISA_VMX, 1u << 27 | 12, 0, 0, 0, 0, 0, "HLT", "", kGuest},
        Case{"failed", TRL_ISA_VMX, 1u << 31 | 33, 0, 0, 0, 0, 0, "INVALID_STATE", "failed entry", kGuest},
        Case{"unknown", TRL_ISA_VMX, 5, 0, 0, 0, 0, 0, "unknown (0x5)", "", kGuest}));

INSTANTIATE_TEST_SUITE_P(Neither, Describe,
                         testing::Values(Case{"entry_only", TRL_ISA_SVM | TRL_ENTRY_ONLY, 0x7b, 0x03f80010, 0,
                                              0, 0, 0, "entry only", "", kAsync},
                                         Case{"no_isa", 0, 0x7b, 0, 0, 0, 0, 0, "unknown (0x7b)", "",
                                              kGuest}));

TEST(DescribeHalts, AreKnownByReason) {
  for (const auto& [reason, expected] :
       {std::pair("hlt", true), {"HLT", true}, {"idle-halt", true}, {"io", false}}) {
    ExitDescription description;
    description.reason = reason;
    EXPECT_EQ(is_halt(description), expected) << reason;
  }
}

}  // namespace
}  // namespace trapline::tracer
