#include "vmm/kvm/exit_reason.h"

#include <gtest/gtest.h>

namespace trapline::vmm {
namespace {

TEST(ExitReason, DescribesWhereAnAccessWent) {
  kvm_run run{};
  run.exit_reason = KVM_EXIT_MMIO;
  run.mmio.phys_addr = 0xd0000000;
  run.mmio.len = 4;
  run.mmio.is_write = 1;
  EXPECT_EQ(describe_exit(run), "KVM_EXIT_MMIO: write of 4 bytes at GPA 0xd0000000, where no device is");

  run = kvm_run{};
  run.exit_reason = KVM_EXIT_IO;
  run.io.direction = KVM_EXIT_IO_IN;
  run.io.port = 0x60;
  run.io.size = 1;
  EXPECT_EQ(describe_exit(run), "KVM_EXIT_IO: read of 1 bytes at port 0x60, where no device is");
}

TEST(ExitReason, BoundsTheDataOfAnInternalError) {
  kvm_run run{};
  run.exit_reason = KVM_EXIT_INTERNAL_ERROR;
  run.internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
  run.internal.ndata = 0xffffffff;  // more than the array has
  run.internal.data[0] = 0xabc;
  const std::string text = describe_exit(run);
  EXPECT_NE(text.find("KVM cannot emulate the instruction"), std::string::npos);
  EXPECT_NE(text.find("0xabc"), std::string::npos);
}

TEST(ExitReason, NamesWhatNoPathExpects) {
  kvm_run run{};
  run.exit_reason = KVM_EXIT_SET_TPR;
  EXPECT_EQ(describe_exit(run), "KVM_EXIT_SET_TPR, which this delivery path does not expect");
  run.exit_reason = 60000;
  EXPECT_EQ(describe_exit(run), "exit reason 60000, which this VMM does not know");
}

TEST(ExitReason, HasWordsForEveryNumber) {
  for (std::uint32_t reason = 0; reason < 100; ++reason) {
    kvm_run run{};
    run.exit_reason = reason;
    EXPECT_FALSE(describe_exit(run).empty()) << reason;
  }
}

}  // namespace
}  // namespace trapline::vmm
