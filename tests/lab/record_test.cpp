// trapline record against VMs whose exits are known to the last one: nothing lost, nothing mixed up, however
// they live.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/bare_vmm.h"
#include "tests/support/exit_histogram.h"
#include "tests/support/record.h"

namespace trapline::test {
namespace {

using nlohmann::json;
using Words = std::vector<std::string>;

// Records it and compares what each vCPU did, for every reason that the VMM told of.
RecordedCommand expect_all_recorded(const Words& vmm_options, const Words& record_options = {}) {
  Workspace workspace;
  auto recorded = record_command(workspace.path("recording"), record_options, bare_vmm_command(vmm_options));
  const json told = bare_vmm_told(recorded.result.out);
  EXPECT_EQ(recorded.report["lost"]["records"], 0) << recorded.report["lost"];
  for (const auto& [reason, total] : told["exits"].items()) {
    if (reason == "npf") continue;  // there are others, for memory
    EXPECT_EQ(exits_of_each_vcpu(recorded.report, reason), told_exits_of_each_vcpu(told, reason)) << reason;
  }
  EXPECT_EQ(recorded.report["vms"].size(), told["vms"].size());
  return recorded;
}

// Of each BPF program that a process holds, how many instructions the verifier looked at.
std::vector<std::uint64_t> verified_instructions(pid_t process) {
  std::vector<std::uint64_t> counts;
  for (const auto& entry :
       std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/fdinfo")) {
    std::ifstream info(entry.path());
    for (std::string line; std::getline(info, line);) {
      if (line.starts_with("verified_insns:")) counts.push_back(std::stoull(line.substr(line.find(':') + 1)));
    }
  }
  return counts;
}

TEST(Record, ProbesAreVerifiedOnceNotForEachSlot) {
  Workspace workspace;
  Recording recording(workspace.path("recording"), {"--all"});
  const auto counts = verified_instructions(recording.process().pid());
  EXPECT_GT(counts.size(), 10u);
  for (const std::uint64_t count : counts)
    EXPECT_LT(count, 60'000u);
  recording.stop();
}

TEST(Record, EveryExitOfACommandsVm) {
  expect_all_recorded({"--work", "pio", "--vcpus", "2", "--events", "3000"});
}

TEST(Record, DeviceMemoryHasItsAddress) {
  const auto recorded = expect_all_recorded({"--work", "mmio", "--events", "300"});
  std::uint64_t accesses = 0;
  for (const json& row : recorded.report["exits"]) {
    if (row["key"].get<std::string>().find("0xd0000000") != std::string::npos)
      accesses += row["count"].get<std::uint64_t>();
  }
  EXPECT_EQ(accesses, 300u) << recorded.report["exits"];
}

TEST(Record, NothingIsLostAtTheHighestRate) {
  // CPUID is handled in KVM: no exit is shorter. Two vCPUs, one for each processor of the lab.
  expect_all_recorded({"--work", "cpuid", "--vcpus", "2", "--events", "100000"});
}

TEST(Record, ARingThatIsTooSmallLosesNothingUncounted) {
  Workspace workspace;
  const std::string recording = workspace.path("recording");
  const ExitHistogram kernel;  // no probe of ours is in it
  const auto recorded =
      record_command(recording, {"--ring", "16"}, bare_vmm_command({"--work", "cpuid", "--events", "20000"}));
  const std::uint64_t lost = recorded.report["lost"]["records"];
  EXPECT_GT(lost, 0u) << "a ring of 16 exits must overflow";
  std::uint64_t seen = 0;
  for (const json& row : recorded.report["exits"])
    seen += row["count"].get<std::uint64_t>();
  EXPECT_GE(seen + lost, 20001u);
  if (kernel.works()) {
    EXPECT_EQ(seen + lost, kernel.all());
  }
  const auto table = trapline({"report", recording});
  EXPECT_LT(table.out.find("lost records: " + std::to_string(lost)), table.out.find("cpuid")) << table.out;
}

TEST(Record, VcpuThreadsThatMigrateAllTheTime) {
  const auto recorded =
      expect_all_recorded({"--work", "pio", "--vcpus", "2", "--events", "10000", "--migrate"});
  EXPECT_GT(bare_vmm_told(recorded.result.out)["moves"], 50);
}

TEST(Record, VcpusThatComeWhileItRuns) {
  expect_all_recorded({"--work", "pio", "--vcpus", "4", "--events", "1000", "--grow"});
}

TEST(Record, TwoHundredShortLivedVms) {
  // More threads, one after another, than there are places for at once.
  expect_all_recorded({"--vms", "100", "--at-once", "2", "--events", "50"});
}

TEST(Record, VmsThatOneThreadRunsInTurn) {
  expect_all_recorded({"--vms", "20", "--at-once", "2", "--events", "50", "--same-thread"});
}

TEST(Record, AllTakesInTheVmsOfEveryProcess) {
  Workspace workspace;
  BareVmm before({"--work", "pio", "--vcpus", "2", "--events", "700"});
  Recording recording(workspace.path("recording"), {"--all"});
  BareVmm after({"--work", "pio", "--events", "500"});
  before.begin();
  after.begin();
  const json first = before.told();
  const json second = after.told();
  before.end();
  after.end();
  const json report = recording.stop();
  EXPECT_EQ(report["vms"].size(), 2u);
  EXPECT_EQ(exits_of_each_vcpu(report, "io", before.pid()), told_exits_of_each_vcpu(first, "io"));
  EXPECT_EQ(exits_of_each_vcpu(report, "io", after.pid()), told_exits_of_each_vcpu(second, "io"));
}

}  // namespace
}  // namespace trapline::test
