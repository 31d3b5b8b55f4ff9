// Types by name, over a kernel and a module whose BTF continues the kernel's, as /sys/kernel/btf has them.
#include "tracer/recorder/kernel_btf.h"

#include <gtest/gtest.h>

#include <utility>

namespace trapline::tracer {
namespace {

class KernelBtfFind : public testing::Test {
 protected:
  void SetUp() override {
    btf_.kernel.reset(btf__new_empty());
    btf__add_struct(btf_.kernel.get(), "kvm", 64);
    btf__add_struct(btf_.kernel.get(), "of_both", 8);
    btf__add_typedef(btf_.kernel.get(), "name", 1);
    btf_.kvm.reset(btf__new_empty_split(btf_.kernel.get()));
    btf__add_struct(btf_.kvm.get(), "kvm_arch", 128);
    btf__add_struct(btf_.kvm.get(), "of_both", 16);
    btf__add_fwd(btf_.kvm.get(), "vcpu_svm", BTF_FWD_STRUCT);
    btf_.vendor.reset(btf__new_empty_split(btf_.kernel.get()));
    btf__add_struct(btf_.vendor.get(), "vcpu_svm", 4096);
    btf__add_struct(btf_.vendor.get(), "name", 2);
  }

  // 0: not found
  [[nodiscard]] unsigned size_of(std::string_view name, unsigned kind = BTF_KIND_STRUCT) const {
    const auto found = btf_.find(name, kind);
    return found ? found->type->size : 0;
  }

  KernelBtf btf_;
};

TEST_F(KernelBtfFind, LooksIntoTheKernelAndBothModules) {
  EXPECT_EQ(size_of("kvm"), 64u);
  EXPECT_EQ(size_of("kvm_arch"), 128u);
  EXPECT_EQ(size_of("vcpu_svm"), 4096u) << "one that is only declared is not it";
  EXPECT_EQ(size_of("nothing"), 0u);
}

TEST_F(KernelBtfFind, TellsInWhichTheTypeIs) {
  EXPECT_EQ(btf_.find("kvm_arch", BTF_KIND_STRUCT)->types, btf_.kvm.get());
  EXPECT_EQ(btf_.find("vcpu_svm", BTF_KIND_STRUCT)->types, btf_.vendor.get());
}

TEST_F(KernelBtfFind, TellsKindsApartAndPrefersTheKernels) {
  EXPECT_EQ(size_of("name"), 2u);
  EXPECT_EQ(btf_.find("name", BTF_KIND_TYPEDEF)->types, btf_.kernel.get());
  EXPECT_EQ(size_of("of_both"), 8u);
}

TEST_F(KernelBtfFind, StillFindsAfterItWasMoved) {
  EXPECT_EQ(size_of("kvm"), 64u);
  const KernelBtf moved = std::move(btf_);
  EXPECT_EQ(moved.find("kvm", BTF_KIND_STRUCT)->type->size, 64u);
}

TEST(KernelBtf, FindsNothingWhereNothingWasRead) {
  EXPECT_FALSE(KernelBtf{}.find("kvm", BTF_KIND_STRUCT));
}

}  // namespace
}  // namespace trapline::tracer
