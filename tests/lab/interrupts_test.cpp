// Every interrupt a story from its cause to its iret, on each path and from each source.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/trapline.h"

namespace trapline::test {
namespace {

using nlohmann::json;

constexpr int kEvents = 100;

json run_with(const std::string& path, const std::string& workloads,
              const std::vector<std::string>& more = {}) {
  const Workspace workspace;
  const std::string recording = workspace.path("run");
  std::vector<std::string> arguments = {
      "run",     "-q", "--no-probe-cost",       "--path", path,     "--workload",
      workloads, "-n", std::to_string(kEvents), "-o",     recording};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const auto result = trapline(arguments);
  EXPECT_EQ(result.status, 0) << result.err;
  return report_of(recording);
}

// Of all vCPUs.
std::vector<json> rows_of(const json& report, const std::string& source) {
  std::vector<json> rows;
  for (const json& row : report["interrupts"]["by_vector"]) {
    if (row["source"] == source) rows.push_back(row);
  }
  return rows;
}

struct Expected {
  const char* path;
  const char* workloads;
  std::vector<const char*> sources;
};

void PrintTo(const Expected& expected, std::ostream* out) {
  *out << expected.path;
}

class Stories : public testing::TestWithParam<Expected> {};

TEST_P(Stories, OfEverySourceAreWhole) {
  const json report = run_with(GetParam().path, std::string(GetParam().workloads) + ",ipi", {"--vcpus", "2"});
  EXPECT_EQ(report["lost"]["records"], 0);
  for (const char* source : GetParam().sources) {
    const auto rows = rows_of(report, source);
    ASSERT_EQ(rows.size(), 1u) << source << '\n' << report["interrupts"].dump(1);
    EXPECT_GE(rows[0]["count"], kEvents) << source;
    EXPECT_EQ(rows[0]["complete"], rows[0]["count"]) << source << '\n' << rows[0].dump(1);
    EXPECT_EQ(rows[0]["seen"]["isr_entry"], rows[0]["count"]) << source;
    EXPECT_EQ(rows[0]["latency"]["isr_to_iret"]["count"], rows[0]["count"]) << source;
    EXPECT_GE(rows[0]["latency"]["raised_to_isr"]["count"], kEvents * 9 / 10) << source;
  }
  EXPECT_TRUE(rows_of(report, "unknown").empty()) << report["interrupts"].dump(1);
  const auto ipis = rows_of(report, "ipi");
  ASSERT_EQ(ipis.size(), 1u) << report["interrupts"].dump(1);
  EXPECT_EQ(ipis[0]["vcpu"], 1);
  EXPECT_EQ(ipis[0]["count"], kEvents);
  EXPECT_EQ(ipis[0]["complete"], kEvents) << ipis[0].dump(1);
  EXPECT_EQ(ipis[0]["seen"]["raised"], kEvents) << "by the sender";
  // tests/lab/waits_test.cpp has runs in which they are.
  for (const json& row : report["interrupts"]["by_vector"])
    EXPECT_EQ(row["delivered_twice"], 0) << row.dump(1);
}

INSTANTIATE_TEST_SUITE_P(
    EachPath, Stories,
    testing::Values(
        Expected{"hvm", "timer,device,device-msi,device-irqfd,page-fault", {"timer", "line", "msi", "irqfd"}},
        Expected{"hvm-pv", "timer,device,device-msi,device-irqfd", {"timer", "line", "msi", "irqfd"}},
        Expected{"hvm-user-irqchip", "timer,device,device-msi", {"timer", "line", "msi"}},
        Expected{"emulate", "timer,device,device-msi", {"timer", "line", "msi"}},
        Expected{"pv", "timer,device", {"timer", "event-channel"}},
        Expected{"pv-ring0", "timer,device", {"timer", "event-channel"}},
        Expected{"pv-direct", "timer,device", {"timer", "event-channel"}}));

TEST(StoriesInAHalt, BeginWithTheWakeup) {
  const json report = run_with("hvm", "hlt");
  const auto rows = rows_of(report, "timer");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0]["complete"], rows[0]["count"]);
  EXPECT_GE(rows[0]["kicked"], 1) << "most of the guest's sleeps end by waking its thread";
}

// As of any VM that is not ours: the kernel alone tells.
TEST(StoriesWithoutStamps, AreWholeWithTheirEoi) {
  const json report = run_with("hvm", "timer", {"--no-stamps"});
  const auto rows = rows_of(report, "timer");
  ASSERT_EQ(rows.size(), 1u) << report["interrupts"].dump(1);
  EXPECT_GE(rows[0]["count"], kEvents);
  EXPECT_GE(rows[0]["complete"].get<int>() + 1, rows[0]["count"]) << "the run may end before the last EOI";
  EXPECT_GE(rows[0]["seen"]["eoi"].get<int>() + 1, rows[0]["count"]);
  EXPECT_EQ(rows[0]["seen"]["isr_entry"], 0) << "nobody stamps it";
  EXPECT_EQ(rows[0]["missing"]["isr_entry"], 0) << "so it is not missing";
  EXPECT_EQ(rows[0]["missing"]["accepted"], 0);
  EXPECT_EQ(rows[0]["missing"]["injected"], 0);
  EXPECT_LE(rows[0]["missing"]["eoi"], 1);
}

}  // namespace
}  // namespace trapline::test
