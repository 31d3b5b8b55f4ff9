// Interrupts of a VM that are raised outside of its threads: in kernel workers, in other processes.
#include <gtest/gtest.h>

#include "tests/support/bare_vmm.h"
#include "tests/support/record.h"

namespace trapline::test {
namespace {

using nlohmann::json;

constexpr std::uint64_t kInterrupts = 200;

struct HowRaised {
  const char* name;
  std::vector<std::string> options;
};

class RecordInterrupts : public testing::TestWithParam<HowRaised> {};

// `--all` with a second VM: an interrupt given to the wrong one would show.
TEST_P(RecordInterrupts, AreTheirVms) {
  Workspace workspace;
  BareVmm bystander({"--events", "10", "--hold"});
  auto options = GetParam().options;
  options.insert(options.end(), {"--work", "interrupt", "--events", std::to_string(kInterrupts)});
  BareVmm vm(options);
  Recording recording(workspace.path("recording"), {"--all"});
  bystander.begin();
  vm.begin();
  vm.told();
  bystander.end();
  vm.end();
  const json report = recording.stop();
  EXPECT_EQ(report["lost"]["records"], 0) << report["lost"];
  int wanted = -1;
  for (const json& row : report["vms"])
    if (row["pid"] == vm.pid()) wanted = row["vm"];
  std::uint64_t of_the_vm = 0;
  for (const json& row : report["interrupts"]["by_vector"]) {
    EXPECT_EQ(row["vm"], wanted) << row;
    if (row["vector"] == 0x40) of_the_vm += row["count"].get<std::uint64_t>();
  }
  EXPECT_EQ(of_the_vm, kInterrupts) << report["interrupts"];
  EXPECT_EQ(exits_of_each_vcpu(report, "io", vm.pid()), (std::vector<std::uint64_t>{kInterrupts + 1}));
  // What KVM tells without its struct kvm, in a thread of no VM, is counted, and no VM gets it.
  const std::uint64_t unattributed = report.value("unattributed", std::uint64_t{0});
  EXPECT_LE(unattributed, 2 * kInterrupts);
}

INSTANTIATE_TEST_SUITE_P(
    Raised, RecordInterrupts,
    testing::Values(HowRaised{"InAThreadOfTheVmm", {"--raise", "line"}},
                    HowRaised{"InAKernelWorker", {"--raise", "irqfd"}},
                    HowRaised{"InAKernelWorkerForAnotherProcess", {"--raise", "irqfd", "--foreign-raiser"}},
                    HowRaised{"InAnotherProcess", {"--raise", "msi", "--foreign-raiser"}}),
    [](const auto& how) { return std::string(how.param.name); });

}  // namespace
}  // namespace trapline::test
