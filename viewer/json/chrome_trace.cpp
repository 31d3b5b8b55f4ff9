#include "viewer/json/chrome_trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "tracer/exits/user_exits.h"
#include "tracer/exits/vectors.h"
#include "vmm/guest/abi.h"
#include "vmm/steps.h"

namespace trapline::viewer {
namespace {

using tracer::Exit;
using tracer::Injection;
using tracer::Isr;
using tracer::StateSlice;
using tracer::Timeline;
using tracer::VcpuTimeline;
using tracer::VmmStep;
using tracer::WorkloadEvent;

constexpr std::uint64_t kVmProcess = 1;

enum class Lane : std::uint64_t { states, exits, vmm, injections, isrs, workload };
constexpr std::array kLanes = {
    std::pair{Lane::states, "state"},   std::pair{Lane::exits, "exits"},
    std::pair{Lane::vmm, "VMM"},        std::pair{Lane::injections, "injections"},
    std::pair{Lane::isrs, "guest ISR"}, std::pair{Lane::workload, "guest workload"},
};

std::uint64_t thread_of(std::uint16_t vcpu, Lane lane) {
  return (std::uint64_t{vcpu} + 1) * 10 + static_cast<std::uint64_t>(lane);
}

class ChromeTrace {
 public:
  ChromeTrace(const Timeline& timeline, TextSink& sink) : timeline_(timeline), json_(sink) {}

  Status write(const recording::RecordingInfo& info) {
    json_.begin_object();
    json_.key("traceEvents");
    json_.begin_array();
    name("process_name", 0, fmt::format("VM {}", info.path));
    for (const VcpuTimeline& vcpu : timeline_.vcpus)
      write_vcpu(vcpu);
    json_.end_array();
    write_origin(info);
    json_.end_object();
    return json_.finish();
  }

 private:
  void write_vcpu(const VcpuTimeline& vcpu) {
    for (const auto& [lane, lane_name] : kLanes) {
      const std::uint64_t thread = thread_of(vcpu.vcpu, lane);
      name("thread_name", thread, fmt::format("vCPU {} {}", vcpu.vcpu, lane_name));
      sort_index(thread);
    }
    for (const StateSlice& state : vcpu.states) {
      begin_slice(vcpu.vcpu, Lane::states, tracer::state_name(state.state), state.begin, state.end);
      json_.end_object();
    }
    for (const Exit& exit : vcpu.exits)
      write_exit(vcpu.vcpu, exit);
    for (const Exit& exit : vcpu.exits)
      write_vmm(vcpu.vcpu, exit);
    for (const VmmStep& step : vcpu.steps)
      write_step(vcpu.vcpu, step);
    for (std::size_t i = 0; i < vcpu.injections.size(); ++i)
      write_injection(vcpu, i);
    for (std::size_t i = 0; i < vcpu.isrs.size(); ++i)
      write_isr(vcpu, i);
    for (const WorkloadEvent& event : vcpu.events)
      write_event(vcpu.vcpu, event);
  }

  void write_exit(std::uint16_t vcpu, const Exit& exit) {
    begin_slice(vcpu, Lane::exits, exit.what->reason, exit.exit, exit.entry);
    json_.key("args");
    json_.begin_object();
    text("key", exit.what->key);
    text("cause", tracer::cause_name(exit.what->cause));
    address("rip", exit.record.rip);
    address("info1", exit.record.info1);
    address("info2", exit.record.info2);
    if (exit.open) text("open", "no entry was seen after this exit");
    json_.end_object();
    json_.end_object();
  }

  void write_vmm(std::uint16_t vcpu, const Exit& exit) {
    if (!exit.vmm_begin || !exit.vmm_end) return;
    begin_slice(vcpu, Lane::vmm, tracer::user_exit_name(exit.record.user_reason), *exit.vmm_begin,
                *exit.vmm_end);
    json_.key("args");
    json_.begin_object();
    text("key", exit.what->key);
    json_.end_object();
    json_.end_object();
  }

  void write_step(std::uint16_t vcpu, const VmmStep& step) {
    const auto label = vmm::describe_step(static_cast<vmm::VmmStep>(step.step), step.vector, step.arg);
    begin_slice(vcpu, Lane::vmm, label, step.begin, step.end);
    json_.key("args");
    json_.begin_object();
    number("step", step.step);
    address("vector", step.vector);
    address("arg", step.arg);
    json_.end_object();
    json_.end_object();
  }

  // An injection lasts from the entry that delivers it until its ISR stamps its own entry.
  void write_injection(const VcpuTimeline& vcpu, std::size_t index) {
    const Injection& injection = vcpu.injections[index];
    HostNs end = injection.at;
    if (injection.isr_entry) end = std::max(end, *injection.isr_entry);
    if (index + 1 < vcpu.injections.size()) end = std::min(end, vcpu.injections[index + 1].at);
    const std::string label = fmt::format("{} {}", injection.reinjected ? "re-inject" : "inject",
                                          tracer::vector_name(injection.vector));
    begin_slice(vcpu.vcpu, Lane::injections, label, injection.at, end);
    if (injection.isr_entry) flow("flow_out", injection.interrupt);
    json_.end_object();
  }

  void write_isr(const VcpuTimeline& vcpu, std::size_t index) {
    const Isr& isr = vcpu.isrs[index];
    const std::string label = isr.vector == GUEST_VECTOR_SYSCALL
                                  ? std::string("syscall")
                                  : fmt::format("ISR {}", tracer::vector_name(isr.vector));
    begin_slice(vcpu.vcpu, Lane::isrs, label, isr.entry, isr.iret);
    if (isr.interrupt != tracer::kNoInterrupt) flow("flow_in", isr.interrupt);
    json_.end_object();
  }

  void write_event(std::uint16_t vcpu, const WorkloadEvent& event) {
    begin_slice(vcpu, Lane::workload, workload_name(event.workload), event.u0, event.u3);
    json_.key("args");
    json_.begin_object();
    number("iteration", event.iteration);
    number("user_exits", event.user_exits);
    number("kernel_exits", event.kernel_exits);
    number("async_exits", event.async_exits);
    json_.end_object();
    json_.end_object();
    if (event.k1 && event.k2) {
      const std::string label = event.handler_vcpu ? fmt::format("handler on vCPU {}", *event.handler_vcpu)
                                                   : std::string("handler");
      begin_slice(vcpu, Lane::workload, label, *event.k1, *event.k2);
      json_.end_object();
    }
  }

  std::string workload_name(std::uint16_t workload) const {
    const auto found = timeline_.workload_names.find(workload);
    return found == timeline_.workload_names.end() ? fmt::format("workload {}", workload) : found->second;
  }

  // Leaves the slice's object open for more members.
  void begin_slice(std::uint16_t vcpu, Lane lane, std::string_view label, HostNs begin, HostNs end) {
    json_.line_break();
    json_.begin_object();
    text("name", label);
    text("ph", "X");
    number("pid", kVmProcess);
    number("tid", thread_of(vcpu, lane));
    json_.key("ts");
    json_.microseconds(begin.value - timeline_.begin.value);
    json_.key("dur");
    json_.microseconds(end.value - begin.value);
  }

  void flow(std::string_view direction, std::uint64_t id) {
    json_.key("bind_id");
    json_.hex(id);
    json_.key(direction);
    json_.boolean(true);
  }

  void name(std::string_view kind, std::uint64_t thread, std::string_view label) {
    metadata(kind, thread);
    text("name", label);
    json_.end_object();
    json_.end_object();
  }

  void sort_index(std::uint64_t thread) {
    metadata("thread_sort_index", thread);
    number("sort_index", thread);
    json_.end_object();
    json_.end_object();
  }

  void metadata(std::string_view kind, std::uint64_t thread) {
    json_.line_break();
    json_.begin_object();
    text("name", kind);
    text("ph", "M");
    number("pid", kVmProcess);
    number("tid", thread);
    json_.key("args");
    json_.begin_object();
  }

  void write_origin(const recording::RecordingInfo& info) {
    json_.key("otherData");
    json_.begin_object();
    text("tool", fmt::format("trapline {}", info.trapline_version));
    text("time_kind", recording::time_kind_name(info.time_kind));
    text("origin_monotonic_ns", fmt::format("{}", timeline_.begin.value));
    text("clock_error_bound_ns", fmt::format("{}", timeline_.clock_bound_ns));
    json_.end_object();
  }

  void text(std::string_view key, std::string_view value) {
    json_.key(key);
    json_.string(value);
  }
  void number(std::string_view key, std::uint64_t value) {
    json_.key(key);
    json_.number(value);
  }
  void address(std::string_view key, std::uint64_t value) {
    json_.key(key);
    json_.hex(value);
  }

  const Timeline& timeline_;
  JsonStream json_;
};

}  // namespace

Status write_chrome_trace(const Timeline& timeline, const recording::RecordingInfo& info, TextSink& sink) {
  return ChromeTrace(timeline, sink).write(info);
}

}  // namespace trapline::viewer
