// The same run seen by others: perf kvm stat counts its exits, babeltrace2 reads its recording.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "tests/support/perf_kvm.h"
#include "tests/support/trapline.h"

namespace trapline::test {
namespace {

bool installed(const std::string& program) {
  return run_command({program, "--version"}).status == 0;
}

TEST(Peers, PerfKvmStatCountsTheSameExits) {
  if (!installed("perf")) GTEST_SKIP() << "perf is not installed";
  Workspace workspace;
  const std::string recording = workspace.path("run");
  const std::string perf_data = workspace.path("perf.data");
  const auto run =
      run_command({"perf", "kvm", "stat", "record", "-a", "-o", perf_data, "--", trapline_program(), "run",
                   "--workload", "pio,cpuid,hlt", "-n", "300", "-q", "--no-probe-cost", "-o", recording});
  ASSERT_EQ(run.status, 0) << run.err;
  auto perf = perf_kvm_rows(perf_data);
  const auto report = report_of(recording);
  for (const char* reason : {"io", "hlt", "cpuid"}) {
    EXPECT_GE(perf[reason].samples, 300u) << reason;
    // perf pairs each exit with the entry after it, so the last exit is not among its samples.
    EXPECT_EQ(perf[reason].samples, exits_named(report, reason, /*closed_only=*/true)) << reason;
  }
}

TEST(Peers, Babeltrace2ReadsEveryEvent) {
  if (!installed("babeltrace2")) GTEST_SKIP() << "babeltrace2 is not installed";
  Workspace workspace;
  const std::string recording = workspace.path("run");
  ASSERT_EQ(
      trapline({"run", "--workload", "int80,timer,device,pio", "-n", "50", "-q", "-o", recording}).status, 0);
  const auto text = run_command({"babeltrace2", recording});
  ASSERT_EQ(text.status, 0) << text.err;
  EXPECT_EQ(text.err.find("WARN"), std::string::npos) << text.err;
  const auto report = report_of(recording);
  const auto count_lines = [&](const std::string& event) {
    std::istringstream lines(text.out);
    std::uint64_t count = 0;
    for (std::string line; std::getline(lines, line);)
      count += line.find(" " + event + ": ") != std::string::npos;
    return count;
  };
  EXPECT_EQ(count_lines("guest_stamp"), report["clock"]["stamps"].get<std::uint64_t>());
  std::uint64_t closed = 0;
  for (const auto& row : report["exits"])
    closed += row["count"].get<std::uint64_t>() - row["open"].get<std::uint64_t>();
  EXPECT_EQ(count_lines("exit_cycle"), closed + 1) << "and the first entry, which no exit came before";
  EXPECT_GE(count_lines("interrupt_raised"), 50u);
  EXPECT_GE(count_lines("accept_irq"), 100u);
  EXPECT_GE(count_lines("set_irq"), 100u);
  EXPECT_GE(count_lines("eoi"), 100u);
  EXPECT_EQ(count_lines("recording_end"), 1u);
}

}  // namespace
}  // namespace trapline::test
