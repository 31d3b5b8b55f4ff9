#include "viewer/json/chrome_trace.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/support/chrome_lanes.h"
#include "tests/unit/viewer/small_timeline.h"
#include "viewer/lanes/timeline_slices.h"

namespace trapline::viewer {
namespace {

using nlohmann::json;
using test::SmallTimeline;

std::string exported_text(const SmallTimeline& timeline) {
  test::StringSink sink;
  recording::RecordingInfo info;
  info.path = "hvm";
  info.time_kind = recording::TimeKind::emulated;
  Labels labels;
  ChromeTrace writer(info, labels, sink);
  TimelineSlices slices(labels, writer);
  timeline.play(slices);
  EXPECT_TRUE(writer.finish());
  return sink.text;
}

json exported(const SmallTimeline& timeline = {}) {
  return json::parse(exported_text(timeline));
}

std::vector<json> slices_named(const json& trace, const std::string& name) {
  std::vector<json> found;
  for (const auto& event : trace["traceEvents"]) {
    if (event["ph"] == "X" && event["name"] == name) found.push_back(event);
  }
  return found;
}

std::map<std::string, std::int64_t> threads_by_name(const json& trace) {
  std::map<std::string, std::int64_t> threads;
  for (const auto& event : trace["traceEvents"]) {
    if (event["name"] == "thread_name") threads[event["args"]["name"]] = event["tid"].get<std::int64_t>();
  }
  return threads;
}

TEST(ChromeTrace, ExitsHaveNoRipWhereTheProbesHadNone) {
  SmallTimeline timeline;
  timeline.exit.record.flags = TRL_ISA_VMX | TRL_NO_RIP;
  const auto io = slices_named(exported(timeline), "io");
  ASSERT_EQ(io.size(), 1u);
  EXPECT_FALSE(io[0]["args"].contains("rip"));
  EXPECT_EQ(io[0]["args"]["info1"], "0x100220");
}

TEST(ChromeTrace, EachVmIsAProcessWithItsOwnVcpus) {
  SmallTimeline timeline;
  timeline.head.machines = test::two_vms();
  const auto trace = exported(timeline);
  std::map<std::string, std::int64_t> processes;
  std::set<std::pair<std::int64_t, std::string>> lanes;
  for (const auto& event : trace["traceEvents"]) {
    if (event["name"] == "process_name") processes[event["args"]["name"]] = event["pid"];
    if (event["name"] == "thread_name") lanes.emplace(event["pid"], event["args"]["name"]);
  }
  ASSERT_EQ(processes.size(), 2u);
  const std::int64_t debian = processes.at("VM debian (emulated time)");
  const std::int64_t other = processes.at("VM hvm (emulated time)");
  EXPECT_TRUE(lanes.contains({debian, "vCPU 5 state"}));
  EXPECT_TRUE(lanes.contains({other, "vCPU 0 state"}));
  EXPECT_TRUE(lanes.contains({debian, "raised by thread 77"})) << "with the VM that it raised for";
  for (const auto& slice : slices_named(trace, "io"))
    EXPECT_EQ(slice["pid"], debian);
}

TEST(ChromeTrace, HasEverySliceOnItsLaneCountedFromTheBegin) {
  const auto trace = exported();
  EXPECT_EQ(trapline::test::count_slices(trace), SmallTimeline::kSlices);
  const auto io = slices_named(trace, "io");
  ASSERT_EQ(io.size(), 1u);
  EXPECT_DOUBLE_EQ(io[0]["ts"], 0.1);
  EXPECT_DOUBLE_EQ(io[0]["dur"], 0.1);
  EXPECT_EQ(io[0]["cat"], "exit");
  EXPECT_EQ(io[0]["args"]["rip"], "0xffffffff81000000");
  EXPECT_EQ(io[0]["args"]["info1"], "0x100220");
  EXPECT_EQ(io[0]["args"]["key"], "port 0x10 out 1");
  EXPECT_EQ(io[0]["args"]["cause"], "guest");
  EXPECT_FALSE(io[0]["args"].contains("open"));
  ASSERT_EQ(slices_named(trace, "hlt").size(), 1u);
  EXPECT_TRUE(slices_named(trace, "hlt")[0]["args"].contains("open"));
  EXPECT_EQ(slices_named(trace, "device").size(), 1u);
  EXPECT_EQ(slices_named(trace, "handler").size(), 1u);
  EXPECT_EQ(trace["otherData"]["origin_monotonic_ns"], "1000");
  EXPECT_EQ(trace["otherData"]["clock_error_bound_ns"], "46");
  EXPECT_EQ(trace["otherData"]["time_kind"], "emulated");
}

TEST(ChromeTrace, NamesEveryLaneThatItUsesAndNoOther) {
  const auto trace = exported();
  std::set<std::int64_t> used, sorted, named;
  for (const auto& event : trace["traceEvents"]) {
    if (event["ph"] == "X") used.insert(event["tid"].get<std::int64_t>());
    if (event["name"] == "thread_sort_index") sorted.insert(event["tid"].get<std::int64_t>());
  }
  std::set<std::string> names;
  for (const auto& [name, thread] : threads_by_name(trace)) {
    names.insert(name);
    named.insert(thread);
  }
  EXPECT_EQ(used, named);
  EXPECT_EQ(used, sorted);
  EXPECT_EQ(names, (std::set<std::string>{"vCPU 0 state", "vCPU 0 exits", "vCPU 0 VMM", "vCPU 0 injections",
                                          "vCPU 0 guest ISR", "vCPU 0 guest workload", "vCPU 0 pending 0x40",
                                          "vCPU 1 state", "vCPU 1 exits", "vCPU 1 injections",
                                          "vCPU 1 pending 0x41", "raised by thread 77"}));
}

TEST(ChromeTrace, AnInterruptWaitsOnItsVectorsLane) {
  const auto trace = exported();
  const auto pending = slices_named(trace, "pending 0x40");
  ASSERT_EQ(pending.size(), 1u);
  EXPECT_DOUBLE_EQ(pending[0]["ts"], 0.141) << "1 ns after it was raised, for the arrow";
  EXPECT_DOUBLE_EQ(pending[0]["dur"], 0.059);
  const json& args = pending[0]["args"];
  EXPECT_EQ(args["source"], "msi");
  EXPECT_EQ(args["raised"], "vmm mark");
  EXPECT_EQ(args["accepted"], "tracepoint");
  EXPECT_EQ(args["kicked"], "none");
  EXPECT_EQ(args["pending_ns"], 60);
  EXPECT_EQ(args["coalesced"], 2);
  EXPECT_EQ(args["delivered_twice"], 3);
  EXPECT_FALSE(args.contains("missing"));
  const auto raise = slices_named(trace, "raise 0x40");
  ASSERT_EQ(raise.size(), 1u);
  EXPECT_EQ(raise[0]["tid"], threads_by_name(trace)["raised by thread 77"]);
  EXPECT_DOUBLE_EQ(raise[0]["dur"], 0.005) << "until it was accepted";
  const auto timer = slices_named(trace, "pending 0x41");
  ASSERT_EQ(timer.size(), 1u);
  EXPECT_DOUBLE_EQ(timer[0]["ts"], 0.16) << "from its acceptance: nothing tells what raised it";
  EXPECT_EQ(timer[0]["args"]["missing"], "isr_entry iret");
}

TEST(ChromeTrace, ArrowsLeadAlongTheStoryFromWhoRaisedItToTheIsr) {
  const auto trace = exported();
  std::map<std::string, std::vector<json>> stories;
  for (const auto& event : trace["traceEvents"]) {
    if (event.contains("bind_id")) stories[event["bind_id"]].push_back(event);
  }
  ASSERT_EQ(stories.size(), 2u) << "the int 0x80 is one slice: no arrow";
  auto& msi = stories["0x1"];
  std::ranges::sort(msi, {}, [](const json& event) { return event["ts"].get<double>(); });
  std::vector<std::string> names;
  for (std::size_t i = 0; i < msi.size(); ++i) {
    names.push_back(msi[i]["name"]);
    EXPECT_EQ(msi[i].contains("flow_in"), i > 0) << names.back();
    EXPECT_EQ(msi[i].contains("flow_out"), i + 1 < msi.size()) << names.back();
  }
  EXPECT_EQ(names, (std::vector<std::string>{"raise 0x40", "pending 0x40", "inject 0x40", "ISR 0x40"}));
  EXPECT_EQ(stories["0x3"].size(), 2u);
}

TEST(ChromeTrace, AnIsrThatIsDatedBeforeItsInjectionHasNoArrow) {
  SmallTimeline timeline;
  timeline.outer.entry = HostNs{1199};
  for (const auto& isr : slices_named(exported(timeline), "ISR 0x40"))
    EXPECT_FALSE(isr.contains("bind_id"));
}

TEST(ChromeTrace, StepsNestInTheVmmsSliceOfTheirExit) {
  const auto trace = exported();
  const auto vmm = slices_named(trace, "KVM_EXIT_UNKNOWN");
  const auto read = slices_named(trace, "read the trap's frame (0x80)");
  const auto copy = slices_named(trace, "copy the context to the guest kernel's stack");
  ASSERT_EQ(vmm.size(), 1u);
  ASSERT_EQ(read.size(), 1u);
  ASSERT_EQ(copy.size(), 1u);
  EXPECT_EQ(read[0]["tid"], vmm[0]["tid"]);
  EXPECT_DOUBLE_EQ(read[0]["ts"], 0.13);
  EXPECT_DOUBLE_EQ(read[0]["dur"], 0.02);
  EXPECT_EQ(read[0]["args"]["step"], 1);
  EXPECT_EQ(read[0]["args"]["vector"], "0x80");
  EXPECT_EQ(read[0]["args"]["arg"], "0xffffffff81000010");
}

TEST(ChromeTrace, IsrsTellTheirDepthTheirStoryAndTheirEoi) {
  const auto trace = exported();
  const json outer = slices_named(trace, "ISR 0x40").at(0)["args"];
  EXPECT_EQ(outer, (json{{"story", 1}, {"depth", 0}, {"complete", true}, {"eoi_after_ns", 30}}));
  const json inner = slices_named(trace, "ISR 0x80").at(0)["args"];
  EXPECT_EQ(inner, (json{{"story", 2}, {"depth", 1}, {"complete", true}}));
}

TEST(ChromeTrace, AHandlerOnAnotherVcpuIsNamedSo) {
  SmallTimeline timeline;
  timeline.event.handler_vcpu = 1;
  EXPECT_EQ(slices_named(exported(timeline), "handler on vCPU 1").size(), 1u);
}

TEST(ChromeTrace, NamesMayHoldAnyBytes) {
  SmallTimeline timeline;
  timeline.head.workload_names[6] = "a \"name\"\n\xff\x01";
  EXPECT_EQ(slices_named(exported(timeline), "a \"name\"\n\xef\xbf\xbd\x01").size(), 1u);
}

TEST(ChromeTrace, LanesHoldNoOverlap) {
  EXPECT_EQ(trapline::test::find_overlap(exported()), "");
}

// A recording is not trusted to be possible.
TEST(ChromeTrace, LanesHoldNoOverlapWhateverTheRecordingSays) {
  SmallTimeline timeline;
  timeline.steps = {test::step_at(1135, 1500, vmm::VmmStep::decide, 1, 1),
                    test::step_at(1110, 1140, vmm::VmmStep::decide, 2, 2),
                    test::step_at(1160, 1400, vmm::VmmStep::decide, 3, 3)};
  timeline.event.k2 = HostNs{2000};
  timeline.exit.entry = HostNs{1100};
  EXPECT_EQ(trapline::test::find_overlap(exported(timeline)), "");
}

// Ten of one vector, each raised before the one before it was injected, and told in another order.
TEST(ChromeTrace, WaitsOfOneVectorFollowOneAnother) {
  test::StringSink sink;
  Labels labels;
  ChromeTrace writer({}, labels, sink);
  TimelineSlices slices(labels, writer);
  slices.begin({});
  for (const std::uint64_t place : {3u, 1u, 2u, 9u, 8u, 7u, 6u, 5u, 4u, 10u}) {
    tracer::Interrupt interrupt;
    interrupt.id = place;
    interrupt.vector = 0x50;
    interrupt.source = tracer::InterruptSource::line;
    interrupt.link(tracer::Link::raised) = test::link_at(place * 100, tracer::LinkedBy::tracepoint);
    interrupt.link(tracer::Link::injected) = test::link_at(place * 100 + 150, tracer::LinkedBy::entry);
    slices.interrupt(interrupt);
  }
  slices.end({});
  ASSERT_TRUE(writer.finish());
  const json trace = json::parse(sink.text);
  EXPECT_EQ(trapline::test::find_overlap(trace), "");
  const auto waits = slices_named(trace, "pending 0x50");
  ASSERT_EQ(waits.size(), 10u);
  EXPECT_DOUBLE_EQ(waits[0]["ts"], 0.1);
  EXPECT_DOUBLE_EQ(waits[1]["ts"], 0.25) << "from the end of the one before";
  EXPECT_DOUBLE_EQ(waits[1]["dur"], 0.1);
  EXPECT_EQ(waits[1]["args"]["pending_ns"], 150) << "the whole of it";
}

// An injection waits for its story to be told, not forever.
TEST(ChromeTrace, InjectionsOfStoriesThatAreNeverToldAreWrittenAll) {
  test::StringSink sink;
  Labels labels;
  ChromeTrace writer({}, labels, sink);
  TimelineSlices slices(labels, writer);
  slices.begin({});
  for (std::uint64_t i = 1; i <= 5000; ++i) {
    tracer::Injection injection;
    injection.at = HostNs{i * 10};
    injection.vector = 0x50;
    injection.interrupt = i;
    slices.injection(0, injection);
  }
  slices.end({});
  ASSERT_TRUE(writer.finish());
  EXPECT_EQ(trapline::test::count_slices(json::parse(sink.text)), 5000u);
}

TEST(ChromeTrace, StopsAskingWhenTheDiskIsFull) {
  struct FullDisk : TextSink {
    Status write(std::string_view) override { return fail("disk full"); }
  } sink;
  Labels labels;
  ChromeTrace writer({}, labels, sink);
  TimelineSlices slices(labels, writer);
  slices.begin({});
  EXPECT_TRUE(slices.wants_more());
  for (std::uint64_t i = 0; i < 100'000; ++i)
    slices.state(0, {HostNs{i}, HostNs{i + 1}, tracer::State::guest});
  EXPECT_FALSE(slices.wants_more());
  EXPECT_EQ(writer.finish().error().what, "disk full");
}

TEST(FindOverlap, FindsTheOneMadeOnPurpose) {
  auto trace = exported();
  for (auto& event : trace["traceEvents"]) {
    if (event["ph"] == "X" && event["name"] == "guest") event["dur"] = 0.15;  // into the kvm slice after it
  }
  EXPECT_NE(trapline::test::find_overlap(trace), "");
}

TEST(FindOverlap, LetsSlicesNestAndTouch) {
  const auto slice = [](double ts, double dur, int tid) {
    return json{{"ph", "X"}, {"name", "s"}, {"pid", 1}, {"tid", tid}, {"ts", ts}, {"dur", dur}};
  };
  json trace;
  trace["traceEvents"] = {slice(0, 10, 1), slice(0, 4, 1),  slice(4, 6, 1),
                          slice(10, 2, 1), slice(3, 20, 2), slice(5, 0, 1)};
  EXPECT_EQ(trapline::test::find_overlap(trace), "");
  trace["traceEvents"].push_back(slice(8, 3, 1));
  EXPECT_NE(trapline::test::find_overlap(trace), "");
}

}  // namespace
}  // namespace trapline::viewer
