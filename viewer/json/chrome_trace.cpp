#include "viewer/json/chrome_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "viewer/lanes/vm_name.h"

namespace trapline::viewer {
namespace {

constexpr std::uint64_t kFirstVmProcess = 1;
constexpr std::uint64_t kThreadsOfAVcpu = 1000;
constexpr std::uint64_t kFirstRaiser = 100'000'000;  // after those of every vCPU

std::uint64_t process_of(std::uint16_t vm) {
  return kFirstVmProcess + vm;
}

// The synthetic thread that a lane is; in this order they are shown.
std::uint64_t thread_of(const Lane& lane) {
  if (!lane.vcpu) return kFirstRaiser + lane.rank;
  return (std::uint64_t{*lane.vcpu} + 1) * kThreadsOfAVcpu + lane.rank;
}

const std::array<std::string, kArgNames>& rendered_arg_names() {
  static const auto kNames = [] {
    std::array<std::string, kArgNames> names;
    for (std::size_t i = 0; i < kArgNames; ++i)
      names[i] = json_quoted(arg_name(static_cast<ArgName>(i)));
    return names;
  }();
  return kNames;
}

}  // namespace

ChromeTrace::ChromeTrace(const recording::RecordingInfo& info, const Labels& labels, TextSink& sink)
    : info_(info), labels_(labels), json_(sink) {}

void ChromeTrace::begin(const tracer::TimelineHead& head) {
  origin_ = head.begin;
  clock_bound_ns_ = head.clock_bound_ns;
  machines_ = head.machines;
  json_.begin_object();
  json_.key("traceEvents");
  json_.begin_array();
  if (!machines_.several()) name_process(0);
}

void ChromeTrace::name_process(std::uint16_t vm) {
  if (named_processes_.insert(vm).second) metadata("process_name", vm, 0, vm_name(info_, machines_, vm));
}

void ChromeTrace::lane(const Lane& lane) {
  const std::uint64_t thread = thread_of(lane);
  name_process(lane.vm);
  metadata("thread_name", lane.vm, thread, lane.full_name());
  sort_index(lane.vm, thread);
  rendered_lanes_.resize(std::max<std::size_t>(rendered_lanes_.size(), lane.index + std::size_t{1}));
  rendered_lanes_[lane.index] = fmt::format(R"("ph":"X","cat":"{}","pid":{},"tid":{})",
                                            category_name(lane.kind), process_of(lane.vm), thread);
}

void ChromeTrace::metadata(std::string_view kind, std::uint16_t vm, std::uint64_t thread,
                           std::string_view name) {
  json_.line_break();
  json_.begin_object();
  json_.key("name");
  json_.string(kind);
  json_.key("ph");
  json_.string("M");
  json_.key("pid");
  json_.number(process_of(vm));
  json_.key("tid");
  json_.number(thread);
  json_.key("args");
  json_.begin_object();
  json_.key("name");
  json_.string(name);
  json_.end_object();
  json_.end_object();
}

void ChromeTrace::sort_index(std::uint16_t vm, std::uint64_t thread) {
  json_.line_break();
  json_.rendered(
      fmt::format(R"({{"name":"thread_sort_index","ph":"M","pid":{},"tid":{},"args":{{"sort_index":{}}}}})",
                  process_of(vm), thread, thread));
}

std::string_view ChromeTrace::rendered(Label label) {
  while (rendered_labels_.size() <= label)
    rendered_labels_.push_back(json_quoted(labels_.text(static_cast<Label>(rendered_labels_.size()))));
  return rendered_labels_[label];
}

void ChromeTrace::slice(const Slice& slice) {
  json_.line_break();
  json_.begin_object();
  json_.rendered_key(R"("name")");
  json_.rendered(rendered(slice.name));
  json_.rendered(rendered_lanes_[slice.lane->index]);
  json_.rendered_key(R"("ts")");
  json_.microseconds(slice.begin.value - std::min(slice.begin, origin_).value);
  json_.rendered_key(R"("dur")");
  json_.microseconds(slice.end.value - slice.begin.value);
  write_flow(slice);
  if (!slice.args.empty()) write_args(slice.args);
  json_.end_object();
}

void ChromeTrace::write_flow(const Slice& slice) {
  if (slice.part == FlowPart::none) return;
  json_.rendered_key(R"("bind_id")");
  json_.hex(slice.story);
  if (slice.part != FlowPart::first) json_.rendered(R"("flow_in":true)");
  if (slice.part != FlowPart::last) json_.rendered(R"("flow_out":true)");
}

void ChromeTrace::write_args(std::span<const Arg> args) {
  const auto& names = rendered_arg_names();
  json_.rendered_key(R"("args")");
  json_.begin_object();
  for (const Arg& arg : args) {
    json_.rendered_key(names[static_cast<std::size_t>(arg.name)]);
    switch (arg.kind) {
      case Arg::Kind::text:
        json_.rendered(rendered(static_cast<Label>(arg.value)));
        break;
      case Arg::Kind::count:
        json_.number(arg.value);
        break;
      case Arg::Kind::address:
        json_.hex(arg.value);
        break;
      case Arg::Kind::flag:
        json_.boolean(arg.value != 0);
        break;
    }
  }
  json_.end_object();
}

void ChromeTrace::end() {
  json_.end_array();
  json_.key("otherData");
  json_.begin_object();
  const auto text = [&](std::string_view key, std::string_view value) {
    json_.key(key);
    json_.string(value);
  };
  text("tool", fmt::format("trapline {}", info_.trapline_version));
  text("time_kind", recording::time_kind_name(info_.time_kind));
  text("origin_monotonic_ns", fmt::format("{}", origin_.value));
  text("clock_error_bound_ns", fmt::format("{}", clock_bound_ns_));
  json_.end_object();
  json_.end_object();
}

}  // namespace trapline::viewer
