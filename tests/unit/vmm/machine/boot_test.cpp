#include "vmm/machine/boot.h"

#include <gtest/gtest.h>

#include "vmm/machine/layout.h"
#include "vmm/x86/paging.h"

namespace trapline::vmm {
namespace {

class Boot : public ::testing::Test {
 protected:
  void SetUp() override {
    auto image = KernelImage::parse(nano_kernel_file());
    auto memory = GuestMemory::create(guest_memory_bytes(1));
    ASSERT_TRUE(image && memory);
    image_ = std::move(*image);
    memory_.emplace(std::move(*memory));
  }

  [[nodiscard]] std::optional<x86::Translation> walk(std::uint64_t gva) const {
    return x86::walk(memory_->bytes(), root_, gva);
  }

  KernelImage image_;
  std::optional<GuestMemory> memory_;
  std::uint64_t root_ = 0;
  std::vector<guest_workload_request> workloads_ = {{GUEST_WORKLOAD_INT80, 100}, {GUEST_WORKLOAD_HLT, 7}};
};

TEST_F(Boot, MapsEachPartForItsUsers) {
  const auto root = write_boot_memory(*memory_, image_, {.workloads = workloads_});
  ASSERT_TRUE(root) << root.error().text();
  root_ = *root;
  EXPECT_FALSE(walk(0));
  EXPECT_FALSE(walk(GUEST_DEMAND_PAGE(0)));
  EXPECT_FALSE(walk(guest_memory_bytes(1)));

  const struct {
    std::uint64_t gva;
    bool writable;
    bool user;
    bool executable;
  } rows[] = {
      {GUEST_IDT, true, false, false},
      {GUEST_PARAMS, false, false, false},
      {GUEST_COUNTS(0), true, false, false},
      {GUEST_SHARED(0), true, true, false},
      {GUEST_PAGE_TABLES, true, false, false},
      {GUEST_KERNEL_STACK_TOP(0) - 8, true, false, false},
      {GUEST_USER_STACK_TOP(0) - 8, true, true, false},
      {image_.entry, false, false, true},
      {GUEST_USER_IMAGE, false, true, true},
      {GUEST_RING(0), true, true, false},
      {GUEST_RING(1) - 8, true, true, false},
  };
  for (const auto& row : rows) {
    const auto found = walk(row.gva);
    ASSERT_TRUE(found) << std::hex << row.gva;
    EXPECT_EQ(found->gpa, row.gva);
    EXPECT_EQ(found->access.writable, row.writable) << std::hex << row.gva;
    EXPECT_EQ(found->access.user, row.user) << std::hex << row.gva;
    EXPECT_EQ(found->access.executable, row.executable) << std::hex << row.gva;
  }
  ASSERT_TRUE(walk(GUEST_IOAPIC));
  EXPECT_FALSE(walk(GUEST_IOAPIC)->access.user);
}

TEST_F(Boot, WritesTheParameters) {
  const auto root = write_boot_memory(*memory_, image_,
                                      {.workloads = workloads_,
                                       .flags = GUEST_FLAG_STAMPS,
                                       .ring_stamps = 2048,
                                       .timer_ns = 500000,
                                       .doorbell_us = 300});
  ASSERT_TRUE(root);
  const auto params = memory_->read<guest_params>(GUEST_PARAMS).value();
  EXPECT_EQ(params.magic, std::uint64_t{GUEST_PARAMS_MAGIC});
  EXPECT_EQ(params.flags, std::uint32_t{GUEST_FLAG_STAMPS});
  EXPECT_EQ(params.timer_ns, 500000U);
  EXPECT_EQ(params.doorbell_us, 300U);
  ASSERT_EQ(params.workload_count, 2U);
  EXPECT_EQ(params.workloads[1].workload, std::uint32_t{GUEST_WORKLOAD_HLT});
  EXPECT_EQ(params.workloads[1].count, 7U);
  EXPECT_EQ(memory_->read<guest_shared>(GUEST_SHARED(0)).value().capacity, 2048U);

  // The kernel maps the demand page by writing this entry.
  ASSERT_TRUE(memory_->write(params.demand_pte, std::uint64_t{GUEST_DEMAND_PAGE(0)} | 7));
  root_ = *root;
  ASSERT_TRUE(walk(GUEST_DEMAND_PAGE(0)));
  EXPECT_EQ(walk(GUEST_DEMAND_PAGE(0))->gpa, std::uint64_t{GUEST_DEMAND_PAGE(0)});
}

TEST_F(Boot, RefusesWhatTheGuestCannotTake) {
  for (const std::uint32_t stamps : {0U, 512U, 1000U, 65535U, 131072U}) {
    const auto root = write_boot_memory(*memory_, image_, {.workloads = workloads_, .ring_stamps = stamps});
    ASSERT_FALSE(root) << stamps;
    EXPECT_EQ(root.error().status, ExitStatus::wrong_usage);
  }
  const std::vector<guest_workload_request> many(GUEST_MAX_WORKLOADS + 1);
  EXPECT_FALSE(write_boot_memory(*memory_, image_, {.workloads = many}));
}

TEST(LongMode, IsWhatTheProcessorChecks) {
  kvm_sregs sregs{};
  set_long_mode(sregs, {.page_table_root = 0x20000,
                        .cpl = 1,
                        .code_selector = 0x31,
                        .stack_selector = 0x39,
                        .gdt = 0x1000,
                        .tss = 0x8000,
                        .first_vcpu = false});
  EXPECT_EQ(sregs.cr3, 0x20000U);
  EXPECT_EQ(sregs.cs.selector, 0x31);
  EXPECT_EQ(sregs.cs.l, 1);
  EXPECT_EQ(sregs.cs.db, 0);  // must be 0 with L (AMD APM vol. 2, 4.8.1)
  EXPECT_EQ(sregs.cs.dpl, 1);
  EXPECT_EQ(sregs.ss.dpl, 1);
  EXPECT_EQ(sregs.tr.type, 11);
  EXPECT_EQ(sregs.ldt.unusable, 1);
  EXPECT_EQ(sregs.tr.base, 0x8000U);
  EXPECT_EQ(sregs.gdt.base, 0x1000U);
  EXPECT_EQ(sregs.idt.limit, 0);
  EXPECT_EQ(sregs.apic_base & 0x100, 0U);  // not the bootstrap processor
  EXPECT_EQ(sregs.efer & 0x500, 0x500U);
}

}  // namespace
}  // namespace trapline::vmm
