// The same run recorded by perf kvm stat and by trapline record. In counted time the times are strict.
#include <gtest/gtest.h>

#include "tests/support/bare_vmm.h"
#include "tests/support/perf_beside.h"
#include "tests/support/record.h"

namespace trapline::test {
namespace {

class RecordPeers : public testing::TestWithParam<const char*> {};

TEST_P(RecordPeers, PerfCountsAndMeasuresTheSame) {
  Workspace workspace;
  Recording recording(workspace.path("recording"), {"--all"}, ProbeCost::measured);
  std::vector<std::string> command = {
      "perf", "kvm", "stat", "record", "-a", "-o", workspace.path("perf.data"), "--"};
  for (const std::string& word : bare_vmm_command({"--work", GetParam(), "--events", "3000"}))
    command.push_back(word);
  const auto run = run_command(command);
  ASSERT_EQ(run.status, 0) << run.err;
  const auto report = recording.stop();
  const auto perf = perf_kvm_rows(workspace.path("perf.data"));
  expect_same_counts(report, perf, /*vcpus=*/1);
  expect_same_times(report, perf, perf_cost_us(workspace));
}

INSTANTIATE_TEST_SUITE_P(Work, RecordPeers, testing::Values("pio", "cpuid", "mmio"),
                         [](const auto& work) { return std::string(work.param); });

}  // namespace
}  // namespace trapline::test
