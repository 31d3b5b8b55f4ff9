// The table against the header that is installed here. A newer header that has more fails this test, and the
// table gets the new names.
#include "wire/kvm_exits.h"

#include <gtest/gtest.h>
#include <linux/kvm.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace trapline::wire {
namespace {

struct Define {
  std::string name;
  std::uint32_t number;
};

// The lines "#define KVM_EXIT_NAME number" that begin with KVM_EXIT_UNKNOWN, up to the first other line: the
// header has constants of that prefix elsewhere that are no reasons, such as KVM_EXIT_IO_OUT.
std::vector<Define> reasons_of_the_installed_header() {
  std::ifstream header("/usr/include/linux/kvm.h");
  std::vector<Define> reasons;
  for (std::string line; std::getline(header, line);) {
    std::istringstream words(line);
    std::string directive;
    Define define{};
    const bool reason = words >> directive >> define.name >> define.number && directive == "#define" &&
                        define.name.starts_with("KVM_EXIT_");
    if (!reason && !reasons.empty()) break;
    if (reason && (!reasons.empty() || define.name == "KVM_EXIT_UNKNOWN")) reasons.push_back(define);
  }
  return reasons;
}

TEST(KvmExits, AreThoseOfTheInstalledHeader) {
  const auto reasons = reasons_of_the_installed_header();
  ASSERT_GE(reasons.size(), 38u) << "Linux 6.1 has as many";
  for (const Define& reason : reasons)
    EXPECT_EQ(kvm_exit_name(reason.number), reason.name) << reason.number;
}

// Linux 6.1's header ends before these.
TEST(KvmExits, OfNewerKernels) {
  EXPECT_EQ(kvm_exit_name(38), "KVM_EXIT_LOONGARCH_IOCSR");
  EXPECT_EQ(kvm_exit_name(39), "KVM_EXIT_MEMORY_FAULT");
  EXPECT_EQ(kvm_exit_name(40), "KVM_EXIT_TDX");
  EXPECT_EQ(kvm_exit_name(41), "KVM_EXIT_ARM_SEA");
  EXPECT_EQ(kvm_exit_name(42), "KVM_EXIT_ARM_LDST64B");
  EXPECT_EQ(kvm_exit_name(43), "KVM_EXIT_SNP_REQ_CERTS");
  EXPECT_EQ(kvm_exit_name(44), "");
  EXPECT_EQ(kvm_exit_name(0xffffffff), "");
}

}  // namespace
}  // namespace trapline::wire
