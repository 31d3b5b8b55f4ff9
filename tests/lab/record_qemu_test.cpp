// trapline record --all against the real thing: two QEMU machines that boot Debian's Linux, recorded by perf
// kvm stat too.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/support/perf_beside.h"
#include "tests/support/qemu_vm.h"
#include "tests/support/record.h"

namespace trapline::test {
namespace {

using nlohmann::json;

// What --list prints once QEMU's processes have opened their VMs, or at last.
std::string list_naming(const std::vector<std::string>& names) {
  std::string list;
  const auto names_all = [&] {
    list = trapline({"record", "--list"}).out;
    return std::ranges::all_of(names,
                               [&](const std::string& name) { return list.find(name) != std::string::npos; });
  };
  EXPECT_TRUE(eventually(names_all)) << list;
  return list;
}

// Both boot once, begun while the recording runs and ended before it; every test looks at that.
class RecordQemu : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!qemu_available()) return;
    workspace_ = new Workspace;
    boot_both_recorded();
    perf_cost_us_ = perf_cost_us(*workspace_);
  }

  // Leaves report_ null if one of the two did not boot or did not do all its work.
  static void boot_both_recorded() {
    const std::string perf_data = workspace_->path("perf.data");
    Recording recording(workspace_->path("recording"), {"--all"}, ProbeCost::measured);
    // perf ends with the command, which ends with our line.
    Background perf(
        {"perf", "kvm", "stat", "record", "-a", "-o", perf_data, "--", "sh", "-c", "echo begun; read -r _"});
    EXPECT_TRUE(perf.says("begun")) << perf.err();
    {
      QemuVm small({.machine = Machine::microvm, .name = "small"}, workspace_->path("small.img"));
      QemuVm large({.machine = Machine::q35, .name = "large,debug-threads=on"},
                   workspace_->path("large.img"));
      list_ = list_naming({"small", "large"});
      for (QemuVm* vm : {&small, &large}) {
        if (vm->works() && vm->finishes()) continue;
        ADD_FAILURE() << (vm == &small ? "small" : "large") << " did not finish; its output: " << vm->said();
        return;
      }
      small_ = small.pid();
      large_ = large.pid();
    }
    report_ = recording.stop();
    perf.type("\n");
    EXPECT_EQ(perf.wait().status, 0) << perf.err();
    perf_ = perf_kvm_rows(perf_data);
    EXPECT_FALSE(perf_.empty()) << perf.err();
    lost_by_perf_ = perf.err().find("lost") != std::string::npos;
  }
  static void TearDownTestSuite() {
    delete workspace_;
    workspace_ = nullptr;
  }
  void SetUp() override {
    if (!qemu_available()) GTEST_SKIP() << "no QEMU and Linux for a guest were brought: lab/lab --guest";
    ASSERT_FALSE(report_.is_null()) << "a guest did not finish";
  }

  static json vm_of(pid_t pid) {
    for (const json& row : report_["vms"]) {
      if (row["pid"] == pid) return row;
    }
    ADD_FAILURE() << "no VM of process " << pid << " in " << report_["vms"];
    return {};
  }

  static inline Workspace* workspace_ = nullptr;
  static inline json report_;
  static inline std::map<std::string, PerfRow> perf_;
  static inline double perf_cost_us_ = 0;
  static inline bool lost_by_perf_ = false;
  static inline std::string list_;
  static inline pid_t small_ = 0;
  static inline pid_t large_ = 0;
};

TEST_F(RecordQemu, BothAreNamedAndApart) {
  EXPECT_EQ(report_["vms"].size(), 2u) << report_["vms"];
  EXPECT_EQ(vm_of(small_)["name"], "small");
  EXPECT_EQ(vm_of(large_)["name"], "large");
  for (const pid_t vm : {small_, large_}) {
    EXPECT_EQ(exits_of_each_vcpu(report_, "io", vm).size(), 2u) << "vCPUs of process " << vm;
    EXPECT_EQ(exits_of_each_vcpu(report_, "hlt", vm).size(), 2u) << "vCPUs of process " << vm;
  }
}

TEST_F(RecordQemu, TheListNamesThem) {
  for (const char* name : {"small", "large"})
    EXPECT_NE(list_.find(name), std::string::npos) << list_;
}

TEST_F(RecordQemu, NothingIsLost) {
  EXPECT_EQ(report_["lost"]["records"], 0) << report_["lost"];
}

TEST_F(RecordQemu, PerfCountsTheSameExits) {
  ASSERT_FALSE(lost_by_perf_) << "perf lost records, so its counts say nothing";
  expect_same_counts(report_, perf_, /*vcpus=*/4);
}

TEST_F(RecordQemu, PerfMeasuresTheSameTimes) {
  ASSERT_FALSE(report_["probe_cost"].is_null());
  expect_same_times(report_, perf_,
                    report_["probe_cost"]["per_exit_ns"].get<double>() / 1000 + perf_cost_us_);
}

TEST_F(RecordQemu, WhatTheGuestDidIsThere) {
  for (const pid_t vm : {small_, large_}) {
    std::set<std::string> reasons;
    bool serial = false;
    for (const json& row : report_["exits"]) {
      if (row["vm"] != vm_of(vm)["vm"]) continue;
      reasons.insert(row["reason"].get<std::string>());
      serial |= row["key"].get<std::string>().starts_with("port 0x3f8 out");
    }
    for (const char* reason : {"io", "msr", "hlt", "npf", "cpuid"})
      EXPECT_TRUE(reasons.contains(reason)) << reason << " of process " << vm;
    EXPECT_TRUE(serial) << "the serial line of process " << vm;
  }
  EXPECT_GT(report_["interrupts"]["total"], 500);
}

TEST_F(RecordQemu, TheVcpusTimeAddsUp) {
  ASSERT_EQ(report_["accounting"].size(), 4u);
  for (const json& row : report_["accounting"]) {
    std::uint64_t sum = 0;
    for (const auto& [state, ns] : row["states"].items())
      sum += ns.get<std::uint64_t>();
    EXPECT_EQ(sum, row["traced_ns"]) << row;
  }
}

}  // namespace
}  // namespace trapline::test
