// What the tests of trapline record are run against is what they take it for: perf kvm stat counts what the
// barest VMM tells.
#include <gtest/gtest.h>

#include "tests/support/bare_vmm.h"
#include "tests/support/perf_kvm.h"
#include "tests/support/trapline.h"

namespace trapline::test {
namespace {

using Words = std::vector<std::string>;

struct Subject {
  const char* name;
  Words options;
  std::uint64_t vcpus;
};

class Subjects : public testing::TestWithParam<Subject> {};

TEST_P(Subjects, PerfCountsWhatTheVmmTold) {
  Workspace workspace;
  Words command = {"perf", "kvm", "stat", "record", "-a", "-o", workspace.path("perf.data"), "--"};
  for (const std::string& word : bare_vmm_command(GetParam().options))
    command.push_back(word);
  const auto run = run_command(command);
  ASSERT_EQ(run.status, 0) << run.err;
  auto perf = perf_kvm_rows(workspace.path("perf.data"));
  for (const auto& [reason, count] : bare_vmm_told(run.out)["exits"].items()) {
    const auto told = count.get<std::uint64_t>();
    if (reason == "io") {
      // A vCPU's last exit is the write to the port that ends it, and no entry follows.
      EXPECT_EQ(perf[reason].samples, told - GetParam().vcpus);
    } else if (reason == "npf") {
      EXPECT_GE(perf[reason].samples, told) << "others are for memory";
    } else {
      EXPECT_EQ(perf[reason].samples, told) << reason;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Work, Subjects,
    testing::Values(Subject{"Pio", {"--work", "pio", "--vcpus", "2", "--events", "2000", "--migrate"}, 2},
                    Subject{"Cpuid", {"--work", "cpuid", "--events", "3000"}, 1},
                    Subject{"Mmio", {"--work", "mmio", "--events", "300"}, 1},
                    Subject{"Interrupt", {"--work", "interrupt", "--raise", "irqfd", "--events", "100"}, 1}),
    [](const auto& subject) { return std::string(subject.param.name); });

}  // namespace
}  // namespace trapline::test
