#include "vmm/kvm/kvm.h"

#include <gtest/gtest.h>

#include "vmm/kvm/variable_length.h"

namespace trapline::vmm {
namespace {

TEST(Kvm, SaysWhatToDoWhereThereIsNone) {
  const auto kvm = Kvm::open("/nonexistent/kvm");
  ASSERT_FALSE(kvm);
  EXPECT_EQ(kvm.error().status, ExitStatus::machine_lacks);
  EXPECT_EQ(kvm.error().what, "cannot open /nonexistent/kvm: No such file or directory");
  EXPECT_NE(kvm.error().remedy.find("kvm_amd"), std::string::npos);
}

TEST(Kvm, RefusesADeviceThatIsNotKvm) {
  const auto kvm = Kvm::open("/dev/null");
  ASSERT_FALSE(kvm);
  EXPECT_EQ(kvm.error().status, ExitStatus::machine_lacks);
}

// As a C program computes them from <linux/kvm.h>.
TEST(VariableLength, RequestNumbersAreThoseOfC) {
  EXPECT_EQ(kGetSupportedCpuid, 0xc008ae05UL);
  EXPECT_EQ(kSetCpuid2, 0x4008ae90UL);
  EXPECT_EQ(kSetMsrs, 0x4008ae89UL);
}

TEST(VariableLength, EntriesFollowTheHeader) {
  const std::vector<kvm_msr_entry> msrs = {{0xc0000081, 0, 1}, {0xc0000082, 0, 2}};
  const auto buffer = with_entries(std::span<const kvm_msr_entry>(msrs));
  ASSERT_EQ(buffer.size(), 8 + 2 * sizeof(kvm_msr_entry));
  EXPECT_EQ(buffer[0], std::byte{2});
  EXPECT_EQ(std::memcmp(buffer.data() + 8, msrs.data(), 2 * sizeof(kvm_msr_entry)), 0);
}

}  // namespace
}  // namespace trapline::vmm
