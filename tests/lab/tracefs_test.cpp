// The kernel's own histogram of the tracepoint kvm_exit beside the recording of the same run: no probe of
// ours is between.
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <sstream>
#include <string>

#include "tests/support/exit_histogram.h"
#include "tests/support/trapline.h"

namespace trapline::test {
namespace {

// By the column `code` of the exits that were seen; where the thread's last exit has no entry it counts, too.
std::map<std::uint64_t, std::uint64_t> recorded_counts(const std::string& recording) {
  const auto csv = trapline({"export", recording, "--format", "csv", "--table", "exits"});
  EXPECT_EQ(csv.status, 0) << csv.err;
  std::istringstream lines(csv.out);
  std::map<std::uint64_t, std::uint64_t> found;
  std::string line;
  std::getline(lines, line);
  std::size_t column = 0;
  std::istringstream names(line);
  for (std::string name; std::getline(names, name, ',') && name != "code";)
    ++column;
  while (std::getline(lines, line)) {
    std::istringstream cells(line);
    std::string cell;
    for (std::size_t i = 0; i <= column; ++i)
      std::getline(cells, cell, ',');
    ++found[std::stoull(cell, nullptr, 16)];
  }
  return found;
}

void expect_same_counts(const std::vector<std::string>& options) {
  Workspace workspace;
  const std::string recording = workspace.path("run");
  ExitHistogram histogram;
  if (!histogram.works()) GTEST_SKIP() << "this kernel has no histogram triggers";
  std::vector<std::string> arguments = {
      "run", "--workload", "pio,cpuid,timer,mmio", "-n", "200", "-q", "--no-probe-cost", "-o", recording};
  arguments.insert(arguments.end(), options.begin(), options.end());
  const auto run = trapline(arguments);
  const auto kernel = histogram.counts();
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_GE(kernel.size(), 4u) << "port, CPUID, MSR, interrupt, memory";
  EXPECT_EQ(recorded_counts(recording), kernel);
}

TEST(Tracefs, CountsTheSameExits) {
  expect_same_counts({});
}

// On SVM there is one kind of probes, and this is the same again.
TEST(Tracefs, CountsTheSameExitsAsLightProbes) {
  expect_same_counts({"--light"});
}

}  // namespace
}  // namespace trapline::test
