#include "viewer/tables/report_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "viewer/json/report_json.h"
#include "viewer/tables/table.h"

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
  summary.all_exits = {exit.count(), exit.handling().total()};
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

std::size_t widest_line(const std::string& text) {
  std::size_t widest = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    widest = std::max(widest, end - begin);
    begin = end + 1;
  }
  return widest;
}

// Two VMs, the second of two vCPUs.
void make_two_vms(Summary& summary) {
  summary.machines.vms.push_back({HostNs{}, 0, 100, recording::VmNamedBy::command_line, "debian"});
  summary.machines.vms.push_back({HostNs{}, 1, 200, recording::VmNamedBy::nothing, ""});
  summary.machines.vcpus = {{0, {0, 0}}, {1, {1, 0}}, {2, {1, 1}}};
}

TEST(ReportTable, HasTheColumnsOfPerfKvmStatAndMore) {
  EXPECT_THAT(report_text(small_summary()), HasSubstr("  reason what            count     %   time     %    "
                                                      "min    avg   +-%    p50    p99    max in VMM\n"
                                                      "  io     port 0xf6 out 1     2 100.0 4.00us 100.0 "
                                                      "1.00us 2.00us 50.00 1.00us 3.00us 3.00us 2.50us\n"
                                                      "  all exits: 2, 4.00us of handling"));
}

TEST(ReportTable, HaltsAreApart) {
  Summary summary = small_summary();
  analysis::ExitRow halt;
  halt.reason = "hlt";
  halt.duration = durations({1'000'000});
  halt.without_waits = durations({1000});
  halt.halt_poll_ns = 99'000;
  halt.halted_ns = 900'000;
  summary.all_exits = {3, 5000};
  summary.exits.push_back(halt);
  summary.halts.push_back({0, 1, 3, 99'000, 900'000, 200'000});
  const std::string text = report_text(summary);
  EXPECT_THAT(text, HasSubstr("  hlt                        1 33.3 1.00us 20.0 1.00us")) << text;
  EXPECT_THAT(text,
              HasSubstr("  hlt             1 1.00ms 1.00ms 1.00ms 0.00 1.00ms 1.00ms 1.00ms 99.0us  900us"))
      << text;
  EXPECT_THAT(
      text,
      HasSubstr("             4           1     3          25.0      99.0us  900us             200us\n"))
      << text;
}

TEST(ReportTable, SaysOfWhichVmAndVcpuEachRowIs) {
  Summary summary = small_summary();
  make_two_vms(summary);
  summary.exits[0].vcpu = 2;
  const std::string text = report_text(summary);
  EXPECT_THAT(text, HasSubstr("\nVM 0: debian, process 100\nVM 1: no name, process 200\n"));
  EXPECT_THAT(text, HasSubstr("  VM:vCPU reason what "));
  EXPECT_THAT(text, HasSubstr("      1:1 io     port 0xf6"));
}

TEST(ReportTable, IsNoWiderThanATerminal) {
  Summary summary = small_summary();
  make_two_vms(summary);
  summary.exits[0].reason = "EXTERNAL_INTERRUPT";
  summary.exits[0].key = "msr 0xc0000102 KERNEL_GS_BASE and more of it write";
  summary.guest_code.push_back({0, "EXTERNAL_INTERRUPT", {{0xffffffff81000000, 1, 1, 1}}, {}, 0});
  const std::string text = report_text(summary);
  EXPECT_LE(widest_line(text), Table::kWidth) << text;
  EXPECT_THAT(text, HasSubstr("msr 0xc000010"));
}

TEST(ReportTable, SaysWhichExitsAFilterLeftOut) {
  Summary summary = small_summary();
  EXPECT_THAT(report_text(summary), Not(HasSubstr("filter")));
  summary.info.filter = "reason io";
  summary.whole.filtered = 7;
  EXPECT_THAT(report_text(summary),
              HasSubstr("lost records: 0\nfilter: reason io; exits that it left out: 7\n"));
}

TEST(ReportTable, SaysWhatPostedInterruptsHide) {
  Summary summary = small_summary();
  summary.interrupts.rows.push_back({});
  EXPECT_THAT(report_text(summary), Not(HasSubstr("posted by"))) << "nothing tells of any";
  EXPECT_TRUE(hidden_interrupts(summary).empty());
  summary.info.apicv = recording::Apicv::on;
  EXPECT_THAT(report_text(summary), HasSubstr("AVIC was on; no interrupt was seen to be posted"));
  summary.interrupts.rows[0].posted = 3;
  EXPECT_THAT(report_text(summary),
              HasSubstr("AVIC delivered 3 interrupts by posting them: they do not exit"));
  EXPECT_THAT(report_text(summary), HasSubstr("no injection, no ISR and no EOI is seen"));
  summary.stamp_check.checked = 5;
  EXPECT_THAT(report_text(summary), HasSubstr("told by the guest's own stamps"));
  summary.info.isa = recording::Isa::vmx;
  summary.info.apicv = recording::Apicv::unknown;
  EXPECT_THAT(report_text(summary), HasSubstr("APICv delivered 3")) << "seen, whatever the recording says";
}

TEST(ReportTable, HasPreemptionAndSteal) {
  Summary summary = small_summary();
  analysis::SchedulingRow row;
  row.preempted = durations({1000, 500});
  summary.scheduling.push_back(row);
  EXPECT_THAT(report_text(summary),
              HasSubstr("          2 1.5 us 1 us    1 us     0 0 ns 0 ns    0 ns 1.5 us        15.0\n"));
}

TEST(ReportTable, ShowsRowsInTheOrderAskedForAndSaysHowManyMoreThereAre) {
  Summary summary = small_summary();
  analysis::ExitRow often = summary.exits[0];
  often.key = "port 0xf7 out 1";
  often.duration = durations({1, 1, 1});
  summary.exits.push_back(often);
  ReportView view;
  const auto first = [&] { return sorted_exits(summary, view)[0]->key; };
  EXPECT_EQ(first(), "port 0xf6 out 1");
  view.sort = analysis::SortColumn::samples;
  EXPECT_EQ(first(), "port 0xf7 out 1");
  view.sort = analysis::SortColumn::name;
  EXPECT_EQ(first(), "port 0xf6 out 1");
  view.top = 1;
  const std::string text = report_text(summary, view);
  EXPECT_THAT(text, Not(HasSubstr("port 0xf7")));
  EXPECT_THAT(text, HasSubstr("  and 1 rows more\n"));
}

analysis::ExitGroups two_groups(std::vector<analysis::ExitKey> by) {
  analysis::ExitGroups groups;
  groups.by = std::move(by);
  groups.reasons = {"io", "msr"};
  analysis::ExitGroup port;
  port.duration = durations({1000, 3000});
  port.values[static_cast<std::size_t>(analysis::ExitKey::reason)] = 0;
  port.values[static_cast<std::size_t>(analysis::ExitKey::port)] = 0x3f8;
  port.values[static_cast<std::size_t>(analysis::ExitKey::rip)] = 0xffffffff81000104;
  port.values[static_cast<std::size_t>(analysis::ExitKey::vcpu)] = 2;
  port.access = tracer::ExitSubject::Access::write;
  analysis::ExitGroup msr;
  msr.duration = durations({10});
  msr.values[static_cast<std::size_t>(analysis::ExitKey::reason)] = 1;
  msr.values[static_cast<std::size_t>(analysis::ExitKey::msr)] = 0x80b;
  msr.values[static_cast<std::size_t>(analysis::ExitKey::vcpu)] = 0;
  msr.access = tracer::ExitSubject::Access::write;
  groups.rows = {port, msr};
  groups.without_key.duration = durations({5});
  return groups;
}

TEST(ReportTable, ByKeysHasOneTableWithAllOfThem) {
  using enum analysis::ExitKey;
  Summary summary = small_summary();
  make_two_vms(summary);
  summary.groups = two_groups({reason, vcpu, port, msr});
  summary.all_exits = {4, 4015};
  const std::string text = report_text(summary);
  EXPECT_THAT(text, HasSubstr("Exits by reason, vcpu, port, msr\n"));
  EXPECT_THAT(text, HasSubstr("  io     1:1  port 0x3f8 out COM1")) << text;
  EXPECT_THAT(text, HasSubstr("  msr    0:0  msr 0x80b write x2APIC EOI")) << text;
  EXPECT_THAT(text, HasSubstr("  1 exits (5ns) have no reason or vcpu or port or msr\n  all exits: 4,"));
  EXPECT_THAT(text, Not(HasSubstr("step by step"))) << "nothing but what was asked for";
  EXPECT_THAT(text, HasSubstr("lost records")) << "and what qualifies it";
}

TEST(ReportTable, ASingleKeyIsNamedAndRipsHaveTheirSymbols) {
  using enum analysis::ExitKey;
  Summary summary = small_summary();
  summary.groups = two_groups({port, rip});
  ReportView view;
  EXPECT_THAT(report_text(summary, view), HasSubstr("  0x3f8 out COM1 0xffffffff81000104"));
  view.symbols = *analysis::GuestSymbols::parse("ffffffff81000100 T serial_out\n", "map");
  EXPECT_THAT(report_text(summary, view), HasSubstr("  0x3f8 out COM1 serial_out+0x4"));
  EXPECT_THAT(report_text(summary, view), HasSubstr("  port           rip "));
}

TEST(ReportJson, ByKeysHasTheirValuesAndWhatIsLeftOver) {
  using enum analysis::ExitKey;
  Summary summary = small_summary();
  make_two_vms(summary);
  EXPECT_TRUE(report_json(summary)["by"].is_null());
  summary.groups = two_groups({reason, vcpu, port, rip});
  summary.all_exits = {4, 4015};
  ReportView view;
  view.symbols = *analysis::GuestSymbols::parse("ffffffff81000100 T serial_out\n", "map");
  view.top = 1;
  const auto by = report_json(summary, view)["by"];
  EXPECT_EQ(by["keys"], nlohmann::json({"reason", "vcpu", "port", "rip"}));
  ASSERT_EQ(by["rows"].size(), 1u);
  EXPECT_EQ(by["rows_not_shown"], 1);
  const auto& row = by["rows"][0];
  EXPECT_EQ(row["reason"], "io");
  EXPECT_EQ(row["vm"], 1);
  EXPECT_EQ(row["vcpu"], 1);
  EXPECT_EQ(row["port"], 0x3f8);
  EXPECT_EQ(row["access"], "write");
  EXPECT_EQ(row["rip"], "0xffffffff81000104");
  EXPECT_EQ(row["symbol"], "serial_out+0x4");
  EXPECT_EQ(row["count"], 2);
  EXPECT_EQ(row["count_percent"], 50.0);
  EXPECT_EQ(row["avg_stddev_percent"], 50.0);
  EXPECT_EQ(by["without_key"]["count"], 1);
  view.top.reset();
  EXPECT_TRUE(report_json(summary, view)["by"]["rows"][1]["port"].is_null());
}

TEST(ReportJson, RowsSayOfWhichVmTheyAre) {
  Summary summary = small_summary();
  make_two_vms(summary);
  summary.exits[0].vcpu = 2;
  summary.steps[0].vcpu = 1;
  const auto document = report_json(summary);
  EXPECT_EQ(document["vms"][0]["name"], "debian");
  EXPECT_EQ(document["vms"][0]["pid"], 100);
  EXPECT_EQ(document["vms"][0]["named_by"], "command line");
  EXPECT_EQ(document["exits"][0]["vm"], 1);
  EXPECT_EQ(document["exits"][0]["vcpu"], 1);
  EXPECT_EQ(document["vmm_steps"][0]["vm"], 1);
  EXPECT_EQ(document["vmm_steps"][0]["vcpu"], 0);
}

TEST(ReportJson, HaltsSchedulingAndGuestCodeAreAlwaysThere) {
  Summary summary = small_summary();
  for (const char* key : {"halts", "scheduling", "guest_code", "vms"})
    EXPECT_TRUE(report_json(summary)[key].is_array()) << key;
  summary.halts.push_back({0, 1, 3, 99, 900, {}});
  summary.guest_code.push_back({0, "io", {{0x1000, 2, 30, 20}, {0x2000, 1, 3, 3}}, {}, 4});
  const auto document = report_json(summary);
  EXPECT_EQ(document["halts"][0]["polled"], 1);
  EXPECT_TRUE(document["halts"][0]["poll_window_ns"].is_null());
  EXPECT_EQ(document["guest_code"][0]["rips"][0]["rip"], "0x1000");
  EXPECT_EQ(document["guest_code"][0]["unknown"], 4);
  EXPECT_EQ(document["interrupts"]["apicv"], "unknown");
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
