// Whatever ends a run, what was recorded is there, and nothing of the probes is left in the kernel.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "tests/support/trapline.h"

namespace trapline::test {
namespace {

using namespace std::chrono_literals;

// Waits until the recording has guest stamps, so that the signal hits a run and not its preparation.
void signal_once_running(pid_t child, const std::string& recording, int signal) {
  const std::filesystem::path stamps = std::filesystem::path(recording) / "stamps_vcpu0";
  EXPECT_TRUE(eventually([&] {
    std::error_code missing;
    return std::filesystem::file_size(stamps, missing) > 10'000 && !missing;
  }));
  ::kill(child, signal);
}

CommandResult run_until(const std::string& recording, int signal) {
  CommandOptions options;
  options.while_running = [&](pid_t child) { signal_once_running(child, recording, signal); };
  return trapline({"run", "--workload", "timer", "-n", "10000000", "--no-probe-cost", "-q", "-o", recording},
                  options);
}

TEST(Endings, InterruptedByCtrlC) {
  Workspace workspace;
  const std::string recording = workspace.path("run");
  const auto before = bpf_objects();
  const auto result = run_until(recording, SIGINT);
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("interrupted"), std::string::npos) << result.err;
  EXPECT_TRUE(no_bpf_objects_but(before));
  const auto report = report_of(recording);
  EXPECT_EQ(report["context"]["ended"], "stopped");
  EXPECT_EQ(report["lost"]["records"], 0);
  EXPECT_GT(report["interrupts"]["complete"], 10);
}

TEST(Endings, Killed) {
  Workspace workspace;
  const std::string recording = workspace.path("run");
  const auto before = bpf_objects();
  const auto result = run_until(recording, SIGKILL);
  EXPECT_EQ(result.status, 128 + SIGKILL);
  EXPECT_TRUE(no_bpf_objects_but(before)) << "probes were left in the kernel";
  const auto report = report_of(recording);
  EXPECT_EQ(report["context"]["ended"].get<std::string>().rfind("cut off", 0), 0u) << report["context"];
  EXPECT_GT(report["interrupts"]["complete"], 10);
}

TEST(Endings, ATripleFaultIsReportedAndRecorded) {
  Workspace workspace;
  const std::string recording = workspace.path("run");
  const auto result = trapline({"run", "--workload", "int80,triple-fault", "-n", "20", "-o", recording});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("triple fault"), std::string::npos) << result.err;
  const auto report = report_of(recording);
  const bool svm = report["context"]["isa"] == "svm";
  // SVM leaves no registers after a shutdown (KVM resets the vCPU): the report says so instead of showing
  // others.
  for (const char* expected : {svm ? "registers: lost" : "cr3", "last 16 stamps", "U3", "triple-fault"}) {
    EXPECT_NE(result.err.find(expected), std::string::npos) << expected << " in\n" << result.err;
  }
  EXPECT_EQ(report["context"]["ended"], "guest crashed");
  ASSERT_GE(report["workloads"].size(), 1u);
  EXPECT_EQ(report["workloads"][0]["events"], 20);
  EXPECT_EQ(exits_named(report, "shutdown"), 1u);
}

TEST(Endings, AFaultThatTheKernelDidNotExpectIsReportedWithRegisters) {
  Workspace workspace;
  const std::string recording = workspace.path("run");
  const auto result =
      trapline({"run", "--workload", "syscall,general-protection", "-n", "20", "-o", recording});
  EXPECT_EQ(result.status, 1);
  for (const char* expected : {"#GP", "rip", "rsp", "rflags", "cr3", "last 16 stamps"}) {
    EXPECT_NE(result.err.find(expected), std::string::npos) << expected << " in\n" << result.err;
  }
  EXPECT_EQ(report_of(recording)["context"]["ended"], "guest crashed");
}

TEST(Endings, ARingThatIsTooSmallLosesNothingUncounted) {
  Workspace workspace;
  const std::string recording = workspace.path("run");
  constexpr std::uint64_t kWrites = 3000;
  const auto result = trapline({"run", "--workload", "pio", "-n", std::to_string(kWrites), "--ring", "16",
                                "--no-stamps", "--no-probe-cost", "-o", recording});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto report = report_of(recording);
  const std::uint64_t lost = report["lost"]["records"];
  EXPECT_GT(lost, 0u) << "a ring of 16 exits must overflow";
  std::uint64_t recorded = 0;
  std::uint64_t kvm = 0;
  for (const auto& row : report["counted_elsewhere"]["kvm"]) {
    if (row["counter"] != "exits") continue;
    recorded = row["recorded"];
    kvm = row["kvm"];
  }
  EXPECT_GE(kvm, kWrites);
  // The first entry is a record that is no exit; it is never lost, the ring is empty then.
  EXPECT_EQ(recorded + lost, kvm);
  EXPECT_NE(result.out.find("lost records: " + std::to_string(lost)), std::string::npos) << result.out;
}

TEST(Endings, RecordingsArePrivate) {
  Workspace workspace;
  const std::string recording = workspace.path("run");
  ::umask(0);
  ASSERT_EQ(
      trapline({"run", "--workload", "pio", "-n", "5", "-q", "--no-probe-cost", "-o", recording}).status, 0);
  expect_private(recording);
}

}  // namespace
}  // namespace trapline::test
