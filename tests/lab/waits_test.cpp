// The guest's waits: whatever wakes a HLT and however often an interrupt comes, a run completes; a wait that
// nothing ends is reported. `run --disturb` and `run --wait-bound` are for these tests.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "tests/support/trapline.h"

namespace trapline::test {
namespace {

using nlohmann::json;

constexpr std::uint64_t kWaits = 12;

std::string test_name(const testing::TestParamInfo<std::string>& test) {
  std::string name = test.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

std::string interrupts_of(const std::string& path) {
  if (path == "hvm" || path == "hvm-pv") return "timer,device,device-msi,device-irqfd,hlt,ipi";
  if (path == "hvm-user-irqchip" || path == "emulate") return "timer,device,device-msi,hlt,ipi";
  return "timer,device,hlt,ipi";
}

struct Disturbed {
  unsigned long long woken = 0;
  unsigned long long twice = 0;
  json report;
};

// Runs every workload that waits for interrupts. A wait that hangs ends by its bound, long before the test's.
Disturbed run_disturbed(const std::string& path, const std::vector<std::string>& disturbance) {
  const Workspace workspace;
  const std::string recording = workspace.path("run");
  std::vector<std::string> arguments = {"run",
                                        "-q",
                                        "--no-probe-cost",
                                        "--path",
                                        path,
                                        "--vcpus",
                                        "2",
                                        "--workload",
                                        interrupts_of(path),
                                        "-n",
                                        std::to_string(kWaits),
                                        "-o",
                                        recording};
  arguments.insert(arguments.end(), disturbance.begin(), disturbance.end());
  const auto result = trapline(arguments);
  EXPECT_EQ(result.status, 0) << result.err;
  Disturbed run;
  if (const auto at = result.err.find("disturbed: "); at != std::string::npos) {
    EXPECT_EQ(std::sscanf(result.err.c_str() + at, "disturbed: %llu halts ended without an interrupt, %llu",
                          &run.woken, &run.twice),
              2)
        << result.err;
  }
  run.report = report_of(recording);
  return run;
}

void expect_whole(const json& report, const std::string& path) {
  EXPECT_EQ(report["lost"]["records"], 0);
  for (const json& row : report["workloads"])
    EXPECT_EQ(row["events"], kWaits) << row["workload"];
  const std::string workloads = interrupts_of(path);
  const auto commas = std::count(workloads.begin(), workloads.end(), ',');
  EXPECT_EQ(report["workloads"].size(), static_cast<std::size_t>(commas) + 1);
  for (const json& row : report["counted_elsewhere"]["guest"])
    EXPECT_EQ(row["guest"], row["recorded"]) << row;
}

std::uint64_t delivered_twice(const json& report) {
  std::uint64_t count = 0;
  for (const json& row : report["interrupts"]["by_vector"])
    count += row["delivered_twice"].get<std::uint64_t>();
  return count;
}

std::uint64_t guest_count(const json& report, const std::string& what, int vcpu) {
  for (const json& row : report["counted_elsewhere"]["guest"]) {
    if (row["what"] == what && row["vcpu"] == vcpu) return row["guest"].get<std::uint64_t>();
  }
  return 0;
}

class Waits : public testing::TestWithParam<std::string> {};

TEST_P(Waits, AHltThatEndsWithoutAnInterruptIsExecutedAgain) {
  const auto run = run_disturbed(GetParam(), {"--disturb", "wake", "--wait", "5ms"});
  EXPECT_GT(run.woken, 0u);
  expect_whole(run.report, GetParam());
  // Without the disturbance one for each event, and one more of the vCPU that answers IPIs: it is the one
  // that halts most of the time.
  EXPECT_GE(guest_count(run.report, "hlt", 0), kWaits);
  EXPECT_GT(guest_count(run.report, "hlt", 1), kWaits + 1);
  EXPECT_EQ(delivered_twice(run.report), 0u);
}

TEST_P(Waits, AnInterruptThatIsDeliveredTwiceIsHandledAndNamed) {
  const auto run = run_disturbed(GetParam(), {"--disturb", "twice"});
  EXPECT_GT(run.twice, kWaits);
  expect_whole(run.report, GetParam());
  EXPECT_EQ(delivered_twice(run.report), run.twice) << run.report["interrupts"].dump(1);
}

// ---- Waits that nothing ends

void expect_report(const std::string& path, const std::string& workload, const std::string& expected,
                   const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {"run",    "--no-trace", "--path", path,           "--workload",
                                        workload, "-n",         "3",      "--wait-bound", "20"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const auto result = trapline(arguments);
  EXPECT_EQ(result.status, 1) << result.err;
  EXPECT_NE(result.err.find(expected), std::string::npos) << result.err;
}

TEST_P(Waits, UserCodeThatIsNeverInterruptedIsReported) {
  expect_report(GetParam(), "never-interrupted",
                "vCPU 0 waited for an interrupt, workload never-interrupted (20 rounds of");
}

TEST_P(Waits, AHltThatNothingEndsIsReported) {
  const std::string expected = "vCPU 0 waits in HLT, workload never-woken, and nothing is pending or armed";
  expect_report(GetParam(), "never-woken", expected);
  expect_report(GetParam(), "never-woken", expected, {"--vcpus", "2"});
}

TEST_P(Waits, AHltThatEndsForNothingOverAndOverIsReported) {
  expect_report(
      GetParam(), "never-woken",
      "vCPU 0 waited for an interrupt to end a HLT, workload never-woken (woken 20 times without one",
      {"--disturb", "wake"});
}

TEST_P(Waits, AVcpuThatDoesNotAnswerIsReported) {
  expect_report(
      GetParam(), "never-answered",
      "vCPU 0 waited for vCPU 1 to handle an IPI (20 rounds of 1048576 looks; vCPU 0: 0 interrupts; "
      "vCPU 1: 0 interrupts, 1 halts, the last one after interrupt 0)",
      {"--vcpus", "2"});
}

// A halt that only a timer will end lasts longer than the bound.
TEST_P(Waits, AHltThatATimerWillEndIsNoneOfThem) {
  const auto result = trapline({"run", "--no-trace", "--path", GetParam(), "--workload", "hlt", "-n", "2",
                                "--wait", "900ms", "--wait-bound", "20"});
  EXPECT_EQ(result.status, 0) << result.err;
}

INSTANTIATE_TEST_SUITE_P(Paths, Waits,
                         testing::Values("hvm", "hvm-pv", "hvm-user-irqchip", "emulate", "pv", "pv-ring0",
                                         "pv-direct"),
                         test_name);

}  // namespace
}  // namespace trapline::test
