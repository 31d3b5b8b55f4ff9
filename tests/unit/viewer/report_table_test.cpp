#include "viewer/tables/report_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "viewer/json/report_json.h"

namespace trapline::viewer {
namespace {

using analysis::Summary;
using testing::HasSubstr;
using testing::Not;

Distribution durations(std::initializer_list<std::uint64_t> ns) {
  Distribution of;
  for (const std::uint64_t value : ns)
    of.add(value);
  return of;
}

// One vCPU with one row in each table.
Summary small_summary() {
  Summary summary;
  summary.whole.ended = "finished";
  summary.info.path = "emulate";
  summary.info.kernel_release = "6.12";
  summary.info.isa = recording::Isa::svm;
  summary.traced_ns = 10'000;
  summary.states.push_back({0, 10'000, {{tracer::State::guest, 7'500}, {tracer::State::vmm, 2'500}}});
  analysis::ExitRow exit;
  exit.reason = "io";
  exit.key = "port 0xf6 out 1";
  exit.duration = durations({1000, 3000});
  exit.kvm_ns = 1500;
  exit.vmm_ns = 2500;
  summary.exits.push_back(exit);
  summary.steps.push_back({0, "read the trap's frame", durations({100, 200, 300})});
  summary.steps.push_back({0, "emulate wrmsr", durations({500})});
  summary.truth.push_back({0, "io port 0xf5", 3, 3});
  summary.truth.push_back({0, "hlt", 3, 2});
  return summary;
}

TEST(ReportTable, BeginsWithWhatQualifiesTheFigures) {
  Summary summary = small_summary();
  summary.whole.records_lost = 4;
  summary.info.time_kind = recording::TimeKind::emulated;
  summary.whole.cut_files = {"exits_cpu0"};
  const std::string text = report_text(summary);
  EXPECT_TRUE(text.starts_with("trapline: finished of 10 us traced, path emulate, Linux 6.12, svm\n"))
      << text;
  for (const char* line : {"times are not\n", "lost records: 4\n", "cut: the end of exits_cpu0 is missing\n"})
    EXPECT_THAT(text, HasSubstr(line));
}

TEST(ReportTable, HasTheStepsOfTheVmm) {
  EXPECT_THAT(report_text(small_summary()),
              HasSubstr("\nWhat the VMM did, step by step\n"
                        "  step                  count  total    p50    p99\n"
                        "  read the trap's frame     3 600 ns 200 ns 300 ns\n"
                        "  emulate wrmsr             1 500 ns 500 ns 500 ns\n"));
}

TEST(ReportTable, SaysWhatAgreesAndWhatDoesNot) {
  EXPECT_THAT(report_text(small_summary()), HasSubstr("  what         counted recorded\n"
                                                      "  io port 0xf5       3        3 equal\n"
                                                      "  hlt                3        2 DIFFERENT\n"));
}

TEST(ReportTable, TablesWithoutRowsAreLeftOut) {
  Summary summary = small_summary();
  summary.steps.clear();
  EXPECT_THAT(report_text(summary), Not(HasSubstr("step by step")));
  EXPECT_THAT(report_text(summary), Not(HasSubstr("Workload events")));
}

TEST(ReportTable, NamesTheVcpuOnlyWhereThereAreSeveral) {
  Summary summary = small_summary();
  EXPECT_THAT(report_text(summary), Not(HasSubstr("vCPU reason")));
  summary.states.push_back({1, 10'000, {{tracer::State::halted, 10'000}}});
  summary.steps[1].vcpu = 1;
  const std::string text = report_text(summary);
  for (const char* title : {"  vCPU reason", "  vCPU step", "  vCPU what"})
    EXPECT_THAT(text, HasSubstr(title));
  EXPECT_THAT(text, HasSubstr("     0 read the trap's frame     3"));
  EXPECT_THAT(text, HasSubstr("     1 emulate wrmsr             1"));
}

TEST(ReportTable, MarksAnExitThatStayedOpen) {
  Summary summary = small_summary();
  EXPECT_THAT(report_text(summary), Not(HasSubstr("never followed")));
  summary.exits[0].open = 1;
  EXPECT_THAT(report_text(summary), HasSubstr(" 3* "));
  EXPECT_THAT(report_text(summary), HasSubstr("never followed by an entry"));
}

TEST(ReportJson, HasTheStepsOfTheVmm) {
  const auto document = report_json(small_summary());
  const auto& steps = document["vmm_steps"];
  ASSERT_EQ(steps.size(), 2u);
  EXPECT_EQ(steps[0]["step"], "read the trap's frame");
  EXPECT_EQ(steps[0]["vcpu"], 0);
  EXPECT_EQ(steps[0]["count"], 3);
  EXPECT_EQ(steps[0]["total_ns"], 600);
  EXPECT_EQ(steps[0]["p50_ns"], 200);
  EXPECT_EQ(steps[0]["p99_ns"], 300);
  Summary none = small_summary();
  none.steps.clear();
  EXPECT_EQ(report_json(none)["vmm_steps"], nlohmann::json::array()) << "never left out";
}

TEST(ReportJson, SaysWhatAgreesAndWhatDoesNot) {
  const auto document = report_json(small_summary());
  const auto& guest = document["counted_elsewhere"]["guest"];
  ASSERT_EQ(guest.size(), 2u);
  EXPECT_EQ(guest[0]["equal"], true);
  EXPECT_EQ(guest[1]["what"], "hlt");
  EXPECT_EQ(guest[1]["equal"], false);
}

}  // namespace
}  // namespace trapline::viewer
