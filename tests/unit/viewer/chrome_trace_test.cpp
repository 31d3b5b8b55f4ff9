#include "viewer/json/chrome_trace.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/chrome_lanes.h"
#include "tests/support/collecting_sink.h"
#include "vmm/steps.h"

namespace trapline::viewer {
namespace {

using tracer::Exit;
using tracer::Injection;
using tracer::Isr;
using tracer::State;
using tracer::Timeline;
using tracer::VcpuTimeline;

struct StringSink : TextSink {
  std::string text;
  Status write(std::string_view part) override {
    text += part;
    return {};
  }
};

// One exit to the VMM, one interrupt injected at its entry, whose ISR is interrupted by another.
Timeline small_timeline() {
  VcpuTimeline vcpu;
  Exit exit;
  exit.exit = HostNs{1100};
  exit.entry = HostNs{1200};
  exit.user_exit = HostNs{1120};
  exit.vmm_begin = HostNs{1130};
  exit.vmm_end = HostNs{1180};
  exit.what = tracer::test::description("io", tracer::Cause::guest, {}, "port 0x10 out 1");
  exit.record.rip = 0xffffffff81000000;
  vcpu.exits.push_back(exit);
  vcpu.states = {{HostNs{1000}, HostNs{1100}, State::guest},
                 {HostNs{1100}, HostNs{1200}, State::kvm},
                 {HostNs{1200}, HostNs{1300}, State::guest}};
  Injection injection;
  injection.at = HostNs{1200};
  injection.vector = 0x40;
  injection.isr_entry = HostNs{1210};
  injection.interrupt = 1;
  vcpu.injections.push_back(injection);
  Isr outer;
  outer.entry = HostNs{1210};
  outer.iret = HostNs{1250};
  outer.vector = 0x40;
  outer.complete = true;
  outer.interrupt = 1;
  Isr inner = outer;
  inner.entry = HostNs{1220};
  inner.iret = HostNs{1230};
  inner.depth = 1;
  inner.interrupt = tracer::kNoInterrupt;
  vcpu.isrs = {outer, inner};
  tracer::WorkloadEvent event;
  event.workload = 6;
  event.u0 = HostNs{1050};
  event.k1 = HostNs{1210};
  event.k2 = HostNs{1250};
  event.u3 = HostNs{1260};
  vcpu.events.push_back(event);
  Timeline timeline;
  timeline.begin = HostNs{1000};
  timeline.end = HostNs{1300};
  timeline.vcpus.push_back(vcpu);
  timeline.workload_names[6] = "device";
  return timeline;
}

nlohmann::json exported(const Timeline& timeline) {
  StringSink sink;
  recording::RecordingInfo info;
  info.path = "hvm";
  EXPECT_TRUE(write_chrome_trace(timeline, info, sink));
  return nlohmann::json::parse(sink.text);
}

std::vector<nlohmann::json> slices_named(const nlohmann::json& trace, const std::string& name) {
  std::vector<nlohmann::json> found;
  for (const auto& event : trace["traceEvents"]) {
    if (event["ph"] == "X" && event["name"] == name) found.push_back(event);
  }
  return found;
}

TEST(ChromeTrace, HasEverySliceOnItsLaneCountedFromTheBegin) {
  const auto trace = exported(small_timeline());
  EXPECT_EQ(test::count_slices(trace), 3u + 1 + 1 + 1 + 2 + 2);
  const auto io = slices_named(trace, "io");
  ASSERT_EQ(io.size(), 1u);
  EXPECT_DOUBLE_EQ(io[0]["ts"], 0.1);
  EXPECT_DOUBLE_EQ(io[0]["dur"], 0.1);
  EXPECT_EQ(io[0]["args"]["rip"], "0xffffffff81000000");
  EXPECT_EQ(io[0]["args"]["key"], "port 0x10 out 1");
  EXPECT_EQ(slices_named(trace, "device").size(), 1u);
  EXPECT_EQ(slices_named(trace, "handler").size(), 1u);
  EXPECT_EQ(trace["otherData"]["origin_monotonic_ns"], "1000");
}

TEST(ChromeTrace, NamesEveryLaneThatItUses) {
  const auto trace = exported(small_timeline());
  std::set<std::int64_t> named;
  for (const auto& event : trace["traceEvents"]) {
    if (event["ph"] == "M" && event["name"] == "thread_name") named.insert(event["tid"].get<std::int64_t>());
  }
  for (const auto& event : trace["traceEvents"]) {
    if (event["ph"] != "X") continue;
    EXPECT_TRUE(named.contains(event["tid"].get<std::int64_t>())) << event;
  }
}

TEST(ChromeTrace, AnArrowLeadsFromTheInjectionToItsIsr) {
  const auto trace = exported(small_timeline());
  std::vector<nlohmann::json> out, in;
  for (const auto& event : trace["traceEvents"]) {
    if (event.contains("flow_out")) out.push_back(event);
    if (event.contains("flow_in")) in.push_back(event);
  }
  ASSERT_EQ(out.size(), 1u);
  ASSERT_EQ(in.size(), 1u);
  EXPECT_EQ(out[0]["bind_id"], in[0]["bind_id"]);
  EXPECT_DOUBLE_EQ(out[0]["dur"], 0.01) << "from the entry to the ISR's";
}

tracer::VmmStep step_at(std::uint64_t begin, std::uint64_t end, vmm::VmmStep step, std::uint16_t vector,
                        std::uint64_t arg) {
  return {HostNs{begin}, HostNs{end}, static_cast<std::uint16_t>(step), vector, arg, 0};
}

TEST(ChromeTrace, StepsNestInTheVmmsSliceOfTheirExit) {
  Timeline timeline = small_timeline();
  timeline.vcpus[0].steps = {step_at(1130, 1150, vmm::VmmStep::read_trap, 0x80, 0xffffffff81000010),
                             step_at(1150, 1180, vmm::VmmStep::copy_context, 0x80, 0x67fd8)};
  const auto trace = exported(timeline);
  EXPECT_EQ(test::find_overlap(trace), "");
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

TEST(ChromeTrace, AHandlerOnAnotherVcpuIsNamedSo) {
  Timeline timeline = small_timeline();
  timeline.vcpus[0].events[0].handler_vcpu = 1;
  EXPECT_EQ(slices_named(exported(timeline), "handler on vCPU 1").size(), 1u);
}

TEST(ChromeTrace, LanesHoldNoOverlap) {
  EXPECT_EQ(test::find_overlap(exported(small_timeline())), "");
}

TEST(FindOverlap, FindsTheOneMadeOnPurpose) {
  auto trace = exported(small_timeline());
  for (auto& event : trace["traceEvents"]) {
    if (event["ph"] == "X" && event["name"] == "guest") event["dur"] = 0.15;  // into the kvm slice after it
  }
  EXPECT_NE(test::find_overlap(trace), "");
}

TEST(FindOverlap, LetsSlicesNestAndTouch) {
  const auto slice = [](double ts, double dur, int tid) {
    return nlohmann::json{{"ph", "X"}, {"name", "s"}, {"pid", 1}, {"tid", tid}, {"ts", ts}, {"dur", dur}};
  };
  nlohmann::json trace;
  trace["traceEvents"] = {slice(0, 10, 1), slice(0, 4, 1),  slice(4, 6, 1),
                          slice(10, 2, 1), slice(3, 20, 2), slice(5, 0, 1)};
  EXPECT_EQ(test::find_overlap(trace), "");
  trace["traceEvents"].push_back(slice(8, 3, 1));
  EXPECT_NE(test::find_overlap(trace), "");
}

}  // namespace
}  // namespace trapline::viewer
