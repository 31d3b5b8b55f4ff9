#include "vmm/paths/paths.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "vmm/machine/layout.h"
#include "vmm/paths/workloads.h"
#include "vmm/x86/descriptors.h"

namespace trapline::vmm {
namespace {

TEST(Paths, EachIsFoundByItsName) {
  std::set<std::string_view> names;
  for (const PathEntry& entry : paths()) {
    EXPECT_TRUE(names.insert(entry.name).second);
    EXPECT_FALSE(entry.summary.empty());
    EXPECT_EQ(find_path(entry.name).value(), &entry);
    EXPECT_NE(entry.create(), nullptr);
  }
}

TEST(Paths, AnUnknownNameListsThose) {
  const auto path = find_path("xen");
  ASSERT_FALSE(path);
  EXPECT_EQ(path.error().status, ExitStatus::wrong_usage);
  EXPECT_EQ(path.error().what, "there is no delivery path 'xen'");
  EXPECT_NE(path.error().remedy.find("hvm"), std::string::npos);
}

TEST(Workloads, EachIsFoundByItsName) {
  std::set<std::uint32_t> numbers;
  for (const WorkloadEntry& entry : workloads()) {
    EXPECT_TRUE(numbers.insert(entry.workload).second);
    EXPECT_FALSE(entry.summary.empty());
    EXPECT_EQ(find_workload(entry.name).value(), &entry);
    EXPECT_EQ(workload_name(entry.workload), entry.name);
  }
  EXPECT_EQ(numbers.size() + 1, std::size_t{GUEST_WORKLOAD_COUNT});  // all but NONE
  EXPECT_EQ(workload_name(GUEST_WORKLOAD_NONE), "");
}

TEST(Workloads, AnUnknownNameListsThoseForUsers) {
  const auto workload = find_workload("int81");
  ASSERT_FALSE(workload);
  EXPECT_EQ(workload.error().status, ExitStatus::wrong_usage);
  EXPECT_NE(workload.error().remedy.find("int80, syscall"), std::string::npos);
  EXPECT_EQ(workload.error().remedy.find("triple-fault"), std::string::npos);
  EXPECT_TRUE(find_workload("triple-fault"));
}

class Hvm : public ::testing::Test {
 protected:
  void SetUp() override {
    auto image = KernelImage::parse(nano_kernel_file());
    auto memory = GuestMemory::create(guest_memory_bytes(1));
    ASSERT_TRUE(image && memory);
    image_ = std::move(*image);
    memory_.emplace(std::move(*memory));
    path_ = find_path("hvm").value()->create();
    ASSERT_TRUE(path_->write_tables(*memory_, image_, 1));
  }

  KernelImage image_;
  std::optional<GuestMemory> memory_;
  std::unique_ptr<DeliveryPath> path_;
};

TEST_F(Hvm, GatesLeadToTheKernelsStubs) {
  for (const unsigned vector : {0U, 14U, 64U, 128U, 255U}) {
    const auto gate = memory_->read<x86::Gate>(GUEST_IDT + std::uint64_t{vector} * sizeof(x86::Gate)).value();
    const auto expected =
        x86::interrupt_gate(image_.header.isr_stubs + std::uint64_t{vector} * GUEST_ISR_STUB_BYTES,
                            GUEST_KERNEL_CS, vector == GUEST_VECTOR_INT80 ? 3 : 0);
    EXPECT_EQ(gate.low, expected.low) << vector;
    EXPECT_EQ(gate.high, expected.high) << vector;
  }
}

TEST_F(Hvm, SegmentsAreWhereSyscallExpectsThem) {
  const auto descriptor = [&](std::uint64_t selector) {
    return memory_->read<std::uint64_t>(GUEST_GDT + (selector & ~std::uint64_t{7})).value();
  };
  VcpuState state{};
  path_->initial_state(image_, 0x20000, 0, state);
  ASSERT_EQ(state.msrs.size(), 3U);
  const std::uint64_t star = state.msrs[0].data;
  EXPECT_EQ(descriptor(star >> 32 & 0xffff), x86::code_segment(0));
  EXPECT_EQ(descriptor((star >> 32 & 0xffff) + 8), x86::data_segment(0));
  EXPECT_EQ(descriptor((star >> 48) + 16), x86::code_segment(3));
  EXPECT_EQ(descriptor((star >> 48) + 8), x86::data_segment(3));
  EXPECT_EQ(state.msrs[1].data, image_.header.syscall_entry);
  EXPECT_EQ(state.msrs[2].data & 0x200, 0x200U);  // SYSCALL clears IF
  EXPECT_EQ(state.regs.rip, image_.entry);
  EXPECT_EQ(state.regs.rflags, 2U);
}

TEST_F(Hvm, TheTssHasTheKernelsStack) {
  const auto tss = memory_->read<x86::TaskStateSegment>(GUEST_TSS(0)).value();
  const std::uint64_t stack = tss.rsp[0];
  EXPECT_EQ(stack, std::uint64_t{GUEST_KERNEL_STACK_TOP(0)});
  const auto descriptor = memory_->read<std::array<std::uint64_t, 2>>(GUEST_GDT + GUEST_TSS_SELECTOR).value();
  EXPECT_EQ(descriptor, x86::tss_descriptor(GUEST_TSS(0), 0x67));
}

TEST(Paths, EachRunsWhatUsersCanAskForOrSaysWhyNot) {
  using Cell = std::pair<std::string_view, guest_workload>;
  const std::set<Cell> refused = {
      {"hvm-user-irqchip", GUEST_WORKLOAD_DEVICE_IRQFD},
      {"emulate", GUEST_WORKLOAD_DEVICE_IRQFD},
      {"emulate", GUEST_WORKLOAD_HYPERCALL},
      {"pv", GUEST_WORKLOAD_DEVICE_MSI},
      {"pv", GUEST_WORKLOAD_DEVICE_IRQFD},
      {"pv-ring0", GUEST_WORKLOAD_DEVICE_MSI},
      {"pv-ring0", GUEST_WORKLOAD_DEVICE_IRQFD},
      {"pv-direct", GUEST_WORKLOAD_DEVICE_MSI},
      {"pv-direct", GUEST_WORKLOAD_DEVICE_IRQFD},
  };
  for (const PathEntry& path : paths()) {
    const auto made = path.create();
    for (const WorkloadEntry& entry : workloads()) {
      if (entry.for_tests_only) continue;
      const auto reason = made->cannot_run(entry.workload);
      EXPECT_EQ(reason.has_value(), refused.contains({path.name, entry.workload}))
          << path.name << " " << entry.name;
      EXPECT_NE(reason, std::string{});
    }
  }
}

TEST(Paths, APrivilegedKernelHasNoPrivilegedInstructionsToTrap) {
  for (const char* name : {"hvm", "hvm-pv", "hvm-user-irqchip"}) {
    const auto reason = find_path(name).value()->create()->cannot_run(GUEST_WORKLOAD_PRIVILEGED);
    ASSERT_TRUE(reason) << name;
    EXPECT_FALSE(reason->empty());
  }
  for (const char* name : {"emulate", "pv", "pv-ring0", "pv-direct"})
    EXPECT_FALSE(find_path(name).value()->create()->cannot_run(GUEST_WORKLOAD_PRIVILEGED)) << name;
}

}  // namespace
}  // namespace trapline::vmm
