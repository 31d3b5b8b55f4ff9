// The same run recorded by perf kvm stat and by trapline record. In counted time the times are strict.
#include <gtest/gtest.h>

#include "tests/support/bare_vmm.h"
#include "tests/support/perf_beside.h"
#include "tests/support/record.h"

namespace trapline::test {
namespace {

constexpr int kExits = 3000;

std::string working(const std::string& work) {
  return "\"$0\" --work " + work + " --events " + std::to_string(kExits);
}

double took_us(const std::string& out) {
  return bare_vmm_told(out)["took_ns"].get<double>() / 1000;
}

TEST(RecordPeers, PerfCountsAndMeasuresTheSame) {
  Workspace workspace;
  Recording recording(workspace.path("recording"), {"--all"});
  const auto both =
      run_command({"perf", "kvm", "stat", "record", "-a", "-o", workspace.path("perf.data"), "--", "sh", "-c",
                   working("cpuid") + "; " + working("pio") + "; " + working("mmio"), TRAPLINE_BARE_VMM});
  ASSERT_EQ(both.status, 0) << both.err;
  const auto report = recording.stop();
  const auto perf = perf_kvm_rows(workspace.path("perf.data"));
  expect_same_counts(report, perf, /*vcpus=*/3);
  const auto untraced = run_command({"sh", "-c", working("cpuid"), TRAPLINE_BARE_VMM});
  expect_same_times(report, perf, (took_us(both.out) - took_us(untraced.out)) / kExits);
}

}  // namespace
}  // namespace trapline::test
