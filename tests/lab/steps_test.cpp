// What the VMM does step by step on the delivery paths, on real KVM: its order, and that it accounts for what
// the guest did. And events that one vCPU causes and another handles.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/chrome_lanes.h"
#include "tests/support/trapline.h"

namespace trapline::test {
namespace {

using nlohmann::json;

class EveryPath : public testing::TestWithParam<std::string> {
 protected:
  json run(const std::string& workloads, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"run",      "-q",         "--no-probe-cost", "--path",
                                          GetParam(), "--workload", workloads,         "-n",
                                          "50",       "-o",         recording_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto result = trapline(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return report_of(recording_);
  }

  static void expect_whole_and_counted(const json& report) {
    EXPECT_EQ(report["lost"]["records"], 0);
    EXPECT_EQ(report["clock"]["violations"], 0) << report["clock"];
    EXPECT_GT(report["counted_elsewhere"]["guest"].size(), 0u);
    for (const auto& row : report["counted_elsewhere"]["guest"])
      EXPECT_EQ(row["guest"], row["recorded"]) << row;
  }

  Workspace workspace_;
  std::string recording_ = workspace_.path("run");
};

// Arming takes longer than that in the lab. In counted time (on VMX) an interrupt that is not armed for
// longer each time comes early for ever; in emulated time chance ends it.
TEST_P(EveryPath, InterruptsThatComeBeforeTheyAreAwaitedAreArmedForLonger) {
  const json report = run("timer,device", {"--wait", "1us"});
  expect_whole_and_counted(report);
  EXPECT_EQ(report["workloads"].size(), 2u);
  for (const json& workload : report["workloads"])
    EXPECT_EQ(workload["events"], 50) << workload;
}

TEST_P(EveryPath, ExitsAndStepsAccountForWhatTheGuestCounted) {
  const json report = run("int80,syscall,page-fault,timer,hlt,pio,mmio,cpuid");
  expect_whole_and_counted(report);
  const auto& states = report["accounting"][0]["states"];
  EXPECT_GT(states["halted"], 0) << "the hlt workload sleeps, wherever";
  EXPECT_EQ(find_overlap(chrome_trace_of(recording_)), "");
}

TEST_P(EveryPath, AnIpiIsHandledByTheOtherVcpu) {
  const json report = run("ipi", {"--vcpus", "2"});
  expect_whole_and_counted(report);
  ASSERT_EQ(report["accounting"].size(), 2u);
  ASSERT_EQ(report["workloads"].size(), 1u);
  const json& ipi = report["workloads"][0];
  EXPECT_EQ(ipi["vcpu"], 0);
  EXPECT_EQ(ipi["events"], 50);
  for (const char* phase : {"delivery", "handler", "return"})
    EXPECT_EQ(ipi["phases"][phase]["count"], 50) << phase;
}

INSTANTIATE_TEST_SUITE_P(Paths, EveryPath,
                         testing::Values("hvm", "hvm-pv", "hvm-user-irqchip", "emulate", "pv", "pv-ring0",
                                         "pv-direct"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// What lies within a slice, of the lanes whose thread names end so, in the order of time; of slices that
// begin together the longer one first.
std::vector<std::string> names_within(const json& trace, const json& slice,
                                      const std::vector<std::string>& lanes) {
  std::vector<std::int64_t> threads;
  for (const auto& event : trace["traceEvents"]) {
    if (event["ph"] != "M" || event["name"] != "thread_name") continue;
    const std::string name = event["args"]["name"];
    for (const std::string& lane : lanes) {
      if (name.ends_with(lane)) threads.push_back(event["tid"]);
    }
  }
  const double begin = slice["ts"];
  const double end = begin + slice["dur"].get<double>();
  std::vector<json> found;
  for (const auto& event : trace["traceEvents"]) {
    if (event["ph"] != "X" || event["ts"] < begin || event["ts"] >= end) continue;
    if (std::find(threads.begin(), threads.end(), event["tid"].get<std::int64_t>()) != threads.end())
      found.push_back(event);
  }
  std::stable_sort(found.begin(), found.end(), [](const json& a, const json& b) {
    return a["ts"] != b["ts"] ? a["ts"] < b["ts"] : a["dur"] > b["dur"];
  });
  std::vector<std::string> names;
  for (const json& event : found)
    names.push_back(event["name"]);
  return names;
}

TEST(Emulate, OneInt80ShowsEachStepOfTheVmmInOrder) {
  Workspace workspace;
  const std::string recording = workspace.path("run");
  ASSERT_EQ(
      trapline({"run", "-q", "--path", "emulate", "--workload", "int80", "-n", "20", "-o", recording}).status,
      0);
  const json trace = chrome_trace_of(recording);
  const std::vector<std::string> expected = {"KVM_EXIT_IO",
                                             "read the trap's frame (0x80)",
                                             "decide: the guest kernel's to handle (0x80)",
                                             "copy the context to the guest kernel's stack",
                                             "set RSP, SS and CS:RIP to the guest's handler",
                                             "ISR 0x80",
                                             "KVM_EXIT_IO",
                                             "read the trap's frame (0xb)",
                                             "read the guest's iret frame",
                                             "return to the interrupted code"};
  int events = 0;
  for (const auto& event : trace["traceEvents"]) {
    if (event["ph"] != "X" || event["name"] != "int80") continue;
    ++events;
    EXPECT_EQ(names_within(trace, event, {" VMM", " guest ISR"}), expected) << event;
  }
  EXPECT_EQ(events, 20);
}

}  // namespace
}  // namespace trapline::test
