#include "viewer/perfetto/perfetto_trace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "tests/support/pftrace.h"
#include "tests/unit/viewer/small_timeline.h"
#include "viewer/json/chrome_trace.h"
#include "viewer/lanes/timeline_slices.h"

namespace trapline::viewer {
namespace {

using test::SmallTimeline;
using testing::ElementsAre;
using trapline::test::Pftrace;

Pftrace exported_pftrace(const SmallTimeline& timeline = {}, std::vector<ClockReading> clocks = {}) {
  test::StringSink sink;
  recording::RecordingInfo info;
  info.path = "hvm";
  info.time_kind = recording::TimeKind::counted;
  Labels labels;
  PerfettoTrace writer(info, std::move(clocks), labels, sink);
  TimelineSlices slices(labels, writer);
  timeline.play(slices);
  EXPECT_TRUE(writer.finish());
  return trapline::test::read_pftrace(sink.text);
}

TEST(PerfettoTrace, IsATreeOfTracksInTheOrderOfTheirRanks) {
  const auto trace = exported_pftrace();
  std::set<std::string> paths;
  for (const auto& [uuid, track] : trace.tracks) {
    paths.insert(trace.path(uuid));
    EXPECT_TRUE(track.children_by_rank);
  }
  const std::string vm = "VM hvm (counted time)";
  EXPECT_EQ(paths,
            (std::set<std::string>{vm, vm + "/vCPU 0", vm + "/vCPU 0/state", vm + "/vCPU 0/exits",
                                   vm + "/vCPU 0/VMM", vm + "/vCPU 0/injections", vm + "/vCPU 0/guest ISR",
                                   vm + "/vCPU 0/guest workload", vm + "/vCPU 0/pending 0x40", vm + "/vCPU 1",
                                   vm + "/vCPU 1/state", vm + "/vCPU 1/exits", vm + "/vCPU 1/injections",
                                   vm + "/vCPU 1/pending 0x41", vm + "/raised by thread 77"}));
  std::map<std::string, int> ranks;
  for (const auto& [uuid, track] : trace.tracks)
    ranks[track.name] = track.rank;
  EXPECT_LT(ranks["state"], ranks["exits"]);
  EXPECT_LT(ranks["guest workload"], ranks["pending 0x40"]);
  EXPECT_LT(ranks["vCPU 1"], ranks["raised by thread 77"]);
}

TEST(PerfettoTrace, EachVmIsATreeOfItsOwn) {
  SmallTimeline timeline;
  timeline.head.machines = test::two_vms();
  const auto trace = exported_pftrace(timeline);
  std::set<std::string> paths;
  for (const auto& [uuid, track] : trace.tracks)
    paths.insert(trace.path(uuid));
  for (const char* path :
       {"VM debian (counted time)/vCPU 5/state", "VM debian (counted time)/raised by thread 77",
        "VM hvm (counted time)/vCPU 0/exits"})
    EXPECT_TRUE(paths.contains(path)) << path;
  EXPECT_FALSE(paths.contains("VM hvm (counted time)/vCPU 5"));
}

TEST(PerfettoTrace, SlicesHaveTheirNamesTimesAndArguments) {
  const auto trace = exported_pftrace();
  EXPECT_THAT(trace.faults, ElementsAre());
  EXPECT_EQ(trace.slices.size(), SmallTimeline::kSlices);
  EXPECT_EQ(trace.timestamp_clock, 3u) << "CLOCK_MONOTONIC";
  const auto io = trace.named("io");
  ASSERT_EQ(io.size(), 1u);
  EXPECT_EQ(io[0].begin, 1100u);
  EXPECT_EQ(io[0].end, 1200u);
  EXPECT_EQ(io[0].category, "exit");
  EXPECT_EQ(io[0].args, (std::map<std::string, std::string>{{"key", "port 0x10 out 1"},
                                                            {"cause", "guest"},
                                                            {"rip", "0xffffffff81000000"},
                                                            {"info1", "0x100220"},
                                                            {"info2", "0x0"}}));
  const auto outer = trace.named("ISR 0x40");
  ASSERT_EQ(outer.size(), 1u);
  EXPECT_EQ(outer[0].args.at("eoi_after_ns"), "30") << "told with the end";
  ASSERT_EQ(trace.named("ISR 0x80").size(), 1u);
  EXPECT_EQ(trace.named("ISR 0x80")[0].depth, 1);
}

TEST(PerfettoTrace, ArrowsLeadAlongTheStory) {
  const auto trace = exported_pftrace();
  const std::vector<std::uint64_t> story = {1};
  for (const auto* name : {"raise 0x40", "pending 0x40", "inject 0x40"})
    EXPECT_EQ(trace.named(name).at(0).flows, story) << name;
  EXPECT_EQ(trace.named("ISR 0x40").at(0).ended_flows, story);
  EXPECT_THAT(trace.named("ISR 0x80").at(0).ended_flows, ElementsAre());
}

// The two formats show the same.
TEST(PerfettoTrace, HasTheSlicesOfTheChromeTrace) {
  const SmallTimeline timeline;
  using Row =
      std::tuple<std::string, std::string, std::uint64_t, std::uint64_t>;  // lane, name, begin, duration
  std::multiset<Row> chrome, perfetto;
  test::StringSink sink;
  Labels labels;
  ChromeTrace writer({}, labels, sink);
  TimelineSlices slices(labels, writer);
  timeline.play(slices);
  ASSERT_TRUE(writer.finish());
  std::map<std::int64_t, std::string> threads;
  const auto chrome_trace = nlohmann::json::parse(sink.text);
  for (const auto& event : chrome_trace["traceEvents"]) {
    const auto thread = event["tid"].get<std::int64_t>();
    if (event["name"] == "thread_name") threads[thread] = event["args"]["name"];
    if (event["ph"] != "X") continue;
    const auto ns = [&](const char* key) {
      return static_cast<std::uint64_t>(std::llround(event[key].get<double>() * 1000));
    };
    chrome.emplace(threads[thread], event["name"], 1000 + ns("ts"), ns("dur"));
  }
  const auto trace = exported_pftrace(timeline);
  for (const auto& slice : trace.slices) {
    std::string lane = trace.path(slice.track);
    lane.erase(0, lane.find('/') + 1);
    std::ranges::replace(lane, '/', ' ');
    perfetto.emplace(lane, slice.name, slice.begin, slice.end - slice.begin);
  }
  EXPECT_EQ(chrome, perfetto);
}

TEST(PerfettoTrace, NamesMayHoldAnyBytes) {
  SmallTimeline timeline;
  timeline.head.workload_names[6] = "a\xff";
  EXPECT_EQ(exported_pftrace(timeline).named("a\xef\xbf\xbd").size(), 1u);
}

TEST(PerfettoTrace, HasTheGuestsClocksBesideTheHosts) {
  const auto trace =
      exported_pftrace({}, {{HostNs{1000}, {{0, 500}, {3, 700}}}, {HostNs{2000}, {{0, 1500}, {3, 1700}}}});
  ASSERT_EQ(trace.clocks.size(), 2u);
  EXPECT_EQ(trace.clocks[1], (std::map<std::uint64_t, std::uint64_t>{{3, 2000}, {128, 1500}, {131, 1700}}));
}

TEST(GuestClockReadings, AreTheHostsTscPlusTheOffsetInNanoseconds) {
  recording::RecordingInfo info;
  info.path = "hvm";
  info.tsc_khz = 2'000'000;
  std::vector<recording::VcpuStarted> vcpus(2);
  vcpus[1].vcpu = 1;
  vcpus[1].tsc_offset = -4000;
  const std::vector<recording::ClockSample> samples = {{HostTsc{10'000}, HostNs{100}, 0},
                                                       {HostTsc{20'000}, HostNs{5100}, 0},
                                                       {HostTsc{4'000'010'000}, HostNs{2'000'000'100}, 0},
                                                       {HostTsc{0}, HostNs{5'000'000'000}, 0}};
  const auto readings = guest_clock_readings(info, vcpus, samples);
  ASSERT_EQ(readings.size(), 2u) << "one a second, and none that goes back";
  EXPECT_EQ(readings[0].at, HostNs{100});
  ASSERT_EQ(readings[0].guests.size(), 2u);
  EXPECT_EQ(readings[0].guests[0].guest_ns, 5000u);
  EXPECT_EQ(readings[0].guests[1].guest_ns, 3000u);
  EXPECT_EQ(readings[1].guests[0].guest_ns, 2'000'005'000u);
  info.path.clear();
  EXPECT_TRUE(guest_clock_readings(info, vcpus, samples).at(0).guests.empty()) << "of another VMM's VM";
  info.path = "hvm";
  info.tsc_khz = 0;
  EXPECT_TRUE(guest_clock_readings(info, vcpus, samples).at(0).guests.empty());
}

}  // namespace
}  // namespace trapline::viewer
