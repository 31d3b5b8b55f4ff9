// The comparison as the terminal and as scripts get it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "viewer/difference_sentence.h"
#include "viewer/json/compare_json.h"
#include "viewer/tables/compare_table.h"

namespace trapline::viewer {
namespace {

using analysis::Cell;
using analysis::Comparison;
using recording::TimeKind;
using testing::HasSubstr;
using testing::Not;

Cell cell(std::string path, std::uint64_t kvm_ns, std::uint64_t scale = 1) {
  Cell made;
  made.path = std::move(path);
  made.workload = "int80";
  tracer::VcpuTimeline vcpu;
  tracer::WorkloadEvent event;
  event.workload = 1;
  event.u0 = HostNs{0};
  event.k1 = HostNs{(10 + kvm_ns) * scale};
  event.k2 = HostNs{(30 + kvm_ns) * scale};
  event.u3 = HostNs{(60 + kvm_ns) * scale};
  event.user_exits = kvm_ns == 0 ? 0 : 2;
  vcpu.events = {event};
  vcpu.states = {{HostNs{0}, HostNs{kvm_ns * scale}, tracer::State::kvm},
                 {HostNs{kvm_ns * scale}, HostNs{1'000'000 * scale}, tracer::State::guest}};
  for (int round = 0; round < 2; ++round)
    add_events(made, vcpu, 1, 0);
  return made;
}

Comparison small_comparison() {
  Comparison comparison;
  comparison.info.kernel_release = "6.12";
  comparison.info.cpu_model = "a CPU";
  comparison.paths = {"native", "hvm", "emulate", "pv"};
  comparison.workloads = {{"int80", "null system call"}};
  comparison.rounds = 5;
  comparison.warm_up = 20;
  comparison.stamp_cost = analysis::StampCost{22, 20, 200};
  Cell native = cell("native", 0);
  native.round_trip_only = true;
  native.phases = {};
  comparison.cells = {native, cell("hvm", 0), cell("emulate", 600)};
  Cell skipped;
  skipped.path = "pv";
  skipped.workload = "int80";
  skipped.skipped = "this machine\x1b[31m cannot";
  comparison.cells.push_back(skipped);
  return comparison;
}

TEST(CompareTable, HasARowForEachPathAndWordsForTheRest) {
  const std::string text = compare_text(small_comparison());
  EXPECT_THAT(text, HasSubstr("62 ns of a round trip with a handler, 22 ns of one without"));
  EXPECT_THAT(text, HasSubstr("lost records: 0"));
  EXPECT_THAT(text,
              testing::ContainsRegex("hvm +0 +0 +0 +60ns +60ns +60ns +60ns +10ns +20ns +30ns +60ns +0ns"));
  EXPECT_THAT(text, testing::ContainsRegex("emulate +2 +0 +0 +660ns .* 11\n"));
  EXPECT_THAT(text, testing::ContainsRegex("native +- +- +- +60ns"));
  EXPECT_THAT(text, HasSubstr("pv: left out: this machine.[31m cannot\n"));
  EXPECT_THAT(text,
              HasSubstr("emulate: 600ns more than hvm; most of it in KVM during delivery: 600ns (100 %)\n"));
}

TEST(CompareTable, SaysWhatItsTimesAreWorth) {
  Comparison comparison = small_comparison();
  EXPECT_THAT(compare_text(comparison), Not(HasSubstr("not a time")));
  comparison.info.time_kind = TimeKind::counted;
  EXPECT_THAT(compare_text(comparison), HasSubstr("1 ns is 1 executed instruction"));
  EXPECT_THAT(compare_text(comparison), HasSubstr("600 instructions more than hvm"));
}

TEST(CompareTable, FitsInto120Columns) {
  Comparison comparison = small_comparison();
  comparison.paths.emplace_back("hvm-user-irqchip");
  comparison.cells.push_back(cell("hvm-user-irqchip", 99'999, 1'000'003));
  comparison.cells.back().user_exits = 123'456;
  comparison.cells.back().kernel_exits = 123'456;
  comparison.cells.back().async_exits = 123'456;
  comparison.cells[3].skipped =
      std::string(40, 'x') + " " + std::string(60, 'y') + " " + std::string(60, 'z');
  std::istringstream lines(compare_text(comparison));
  for (std::string line; std::getline(lines, line);)
    EXPECT_LE(line.size(), 120u) << line;
}

TEST(CompareJson, HasEveryCellAndItsSumsAreExact) {
  const auto document = compare_json(small_comparison());
  EXPECT_EQ(document["schema"], "trapline.compare/1");
  EXPECT_EQ(document["stamp_cost"]["in_round_trip_ns"], 62);
  ASSERT_EQ(document["cells"].size(), 4u);
  const auto& emulate = document["cells"][2];
  EXPECT_EQ(emulate["exits_per_event"]["user"], 2.0);
  EXPECT_EQ(emulate["ratio"], 11.0);
  std::uint64_t phases = 0;
  std::uint64_t places = 0;
  for (const auto& [name, phase] : emulate["phases"].items()) {
    phases += phase["total_ns"].get<std::uint64_t>();
    for (const auto& [place, ns] : phase["where_total"].items())
      places += ns.get<std::uint64_t>();
  }
  EXPECT_EQ(phases, emulate["round_trip"]["total_ns"]);
  EXPECT_EQ(places, emulate["round_trip"]["total_ns"]);
  EXPECT_EQ(emulate["difference"]["place"], "kvm");
  EXPECT_EQ(emulate["difference"]["phase"], "delivery");
  const auto& native = document["cells"][0];
  EXPECT_TRUE(native["exits_per_event"].is_null() && native["phases"].is_null() && native["ratio"].is_null());
  const auto& skipped = document["cells"][3];
  EXPECT_EQ(skipped.size(), 3u) << "path, workload, skipped";
}

TEST(BriefTime, HasThreeDigitsAndAUnit) {
  EXPECT_EQ(brief_time(0, TimeKind::real), "0ns");
  EXPECT_EQ(brief_time(999.4, TimeKind::real), "999ns");
  EXPECT_EQ(brief_time(999.6, TimeKind::real), "1.00us");
  EXPECT_EQ(brief_time(1234, TimeKind::real), "1.23us");
  EXPECT_EQ(brief_time(12'345, TimeKind::counted), "12.3k");
  EXPECT_EQ(brief_time(999'900, TimeKind::counted), "1.00M");
  EXPECT_EQ(brief_time(123'456'789, TimeKind::emulated), "123ms");
  EXPECT_EQ(brief_time(2e9, TimeKind::real), "2.00s");
}

TEST(DifferenceSentence, FollowsTheFigures) {
  const Cell emulate = cell("emulate", 600);
  analysis::Difference found;
  found.ns = -2500;
  found.measurable = true;
  found.place = analysis::Place::vmm;
  found.contribution_ns = -2000;
  EXPECT_EQ(difference_sentence(emulate, found, TimeKind::real),
            "emulate: 2.50us less than hvm; most of it in the VMM: 2.00us (80 %)");
  found.measurable = false;
  EXPECT_EQ(difference_sentence(emulate, found, TimeKind::real),
            "emulate: no difference from hvm measurable");
}

}  // namespace
}  // namespace trapline::viewer
