// The fields of the hardware, bit by bit.
#include <gtest/gtest.h>

#include "tracer/exits/events.h"
#include "tracer/exits/keys.h"
#include "tracer/exits/svm.h"
#include "tracer/exits/vmx.h"

namespace trapline::tracer {
namespace {

TEST(Decode, SvmIo) {
  EXPECT_EQ(svm_io(0x03f80010), (IoAccess{0x3f8, 1, false, false, false}));
  EXPECT_EQ(svm_io(0x03f80021), (IoAccess{0x3f8, 2, true, false, false}));
  EXPECT_EQ(svm_io(0xffff0040), (IoAccess{0xffff, 4, false, false, false}));
  EXPECT_EQ(svm_io(0x01f0001d), (IoAccess{0x1f0, 1, true, true, true}));
  EXPECT_EQ(svm_io(0), (IoAccess{0, 0, false, false, false}));
  EXPECT_EQ(svm_io(~0ull).port, 0xffff);
}

TEST(Decode, VmxIo) {
  EXPECT_EQ(vmx_io(0x03f80000), (IoAccess{0x3f8, 1, false, false, false}));
  EXPECT_EQ(vmx_io(0x03f80009), (IoAccess{0x3f8, 2, true, false, false}));
  EXPECT_EQ(vmx_io(0xffff0003), (IoAccess{0xffff, 4, false, false, false}));
  EXPECT_EQ(vmx_io(0x01f00038), (IoAccess{0x1f0, 1, true, true, true}));
  // Bit 6: the port was an immediate operand; no part of the access.
  EXPECT_EQ(vmx_io(0x00100040), (IoAccess{0x10, 1, false, false, false}));
}

TEST(Decode, SvmNestedFault) {
  const NestedFault none = svm_nested_fault(0);
  EXPECT_FALSE(none.present || none.write || none.user || none.reserved || none.fetch || none.final_address ||
               none.guest_page_table);
  EXPECT_TRUE(svm_nested_fault(1).present);
  EXPECT_TRUE(svm_nested_fault(2).write);
  EXPECT_TRUE(svm_nested_fault(4).user);
  EXPECT_TRUE(svm_nested_fault(8).reserved);
  EXPECT_TRUE(svm_nested_fault(16).fetch);
  EXPECT_TRUE(svm_nested_fault(1ull << 32).final_address);
  EXPECT_TRUE(svm_nested_fault(1ull << 33).guest_page_table);
}

TEST(Decode, SvmCrAccess) {
  const CrAccess read = svm_cr_access(0x004, 1ull << 63 | 5);
  EXPECT_EQ(read.cr, 4);
  EXPECT_FALSE(read.write);
  EXPECT_TRUE(read.is_mov);
  EXPECT_EQ(read.gpr, 5);
  const CrAccess lmsw = svm_cr_access(0x010, 0);
  EXPECT_EQ(lmsw.cr, 0);
  EXPECT_TRUE(lmsw.write);
  EXPECT_FALSE(lmsw.is_mov);
}

TEST(Decode, VmxCrAccess) {
  const VmxCrAccess to = vmx_cr_access(0x704);
  EXPECT_EQ(to.cr, 4);
  EXPECT_EQ(to.kind, CrAccessKind::mov_to);
  EXPECT_EQ(to.gpr, 7);
  EXPECT_EQ(vmx_cr_access(0x013).kind, CrAccessKind::mov_from);
  EXPECT_EQ(vmx_cr_access(0x020).kind, CrAccessKind::clts);
  EXPECT_EQ(vmx_cr_access(0x12340030).kind, CrAccessKind::lmsw);
}

TEST(Decode, VmxEptViolation) {
  const EptViolation first_write = vmx_ept_violation(0x182);
  EXPECT_TRUE(first_write.write && first_write.linear_valid && first_write.final_address);
  EXPECT_FALSE(first_write.read || first_write.fetch || first_write.mapped());
  const EptViolation protected_write = vmx_ept_violation(0x1aa);
  EXPECT_TRUE(protected_write.write && protected_write.readable && protected_write.executable);
  EXPECT_FALSE(protected_write.writable);
  EXPECT_TRUE(protected_write.mapped());
  EXPECT_TRUE(vmx_ept_violation(4).fetch);
  EXPECT_TRUE(vmx_ept_violation(1).read);
}

TEST(Decode, VmxReasonFlags) {
  EXPECT_TRUE(vmx_reason_flags(1u << 26).bus_lock);
  EXPECT_TRUE(vmx_reason_flags(1u << 27).enclave);
  EXPECT_TRUE(vmx_reason_flags(1u << 28).pending_mtf);
  EXPECT_TRUE(vmx_reason_flags(1u << 29).from_root);
  EXPECT_TRUE(vmx_reason_flags(1u << 31).failed_entry);
  EXPECT_EQ(vmx_exit_name(1u << 26 | 48), "EPT_VIOLATION");
}

TEST(Decode, Events) {
  EXPECT_EQ(decode_event(0x00000040), EventField{}) << "not valid: nothing else is said";
  EXPECT_EQ(decode_event(0x80000040), (EventField{true, EventType::interrupt, 0x40, false}));
  EXPECT_EQ(decode_event(0x80000202), (EventField{true, EventType::nmi, 2, false}));
  EXPECT_EQ(decode_event(0x80000b0e), (EventField{true, EventType::exception, 14, true}));
  EXPECT_EQ(decode_event(0x80000306), (EventField{true, EventType::exception, 6, false}));
  EXPECT_EQ(decode_event(0x80000480), (EventField{true, EventType::software_interrupt, 0x80, false}));
  EXPECT_EQ(decode_event(0x80000501), (EventField{true, EventType::privileged_software_exception, 1, false}));
  EXPECT_EQ(decode_event(0x80000603), (EventField{true, EventType::software_exception, 3, false}));
  EXPECT_EQ(event_type_name(EventType::nmi), "NMI");
  EXPECT_EQ(event_type_name(EventType::other), "other");
}

TEST(Decode, UnknownExitsKeepTheirNumber) {
  EXPECT_EQ(svm_exit_name(0xf0000000), "unknown (0xf0000000)");
  EXPECT_EQ(vmx_exit_name(0x80000ffe), "unknown (0x80000ffe)");
  EXPECT_EQ(find_svm_exit(0x3ff), nullptr);
  EXPECT_EQ(find_vmx_exit(35), nullptr);
}

}  // namespace
}  // namespace trapline::tracer
