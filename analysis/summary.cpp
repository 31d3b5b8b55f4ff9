#include "analysis/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "analysis/ground_truth.h"
#include "vmm/steps.h"

namespace trapline::analysis {
namespace {

using tracer::Cause;
using tracer::Exit;
using tracer::Timeline;
using tracer::VcpuTimeline;
using tracer::WorkloadEvent;

std::uint64_t clamped(HostNs from, HostNs to) {
  return to < from ? 0 : to.value - from.value;
}

void add_exits(Summary& summary, const VcpuTimeline& vcpu) {
  std::map<std::tuple<std::string, std::string, Cause>, ExitRow> rows;
  for (const Exit& exit : vcpu.exits) {
    const tracer::ExitDescription& what = exit.description;
    ExitRow& row = rows[{what.reason, what.key, what.cause}];
    row.vcpu = vcpu.vcpu;
    row.reason = what.reason;
    row.key = what.key;
    row.cause = what.cause;
    if (exit.open) {
      ++row.open;
      continue;
    }
    const std::uint64_t total = clamped(exit.exit, exit.entry);
    std::uint64_t in_vmm = 0;
    if (exit.vmm_begin && exit.vmm_end) {
      in_vmm = clamped(*exit.vmm_begin, *exit.vmm_end);
    } else if (exit.user_exit) {
      in_vmm = clamped(*exit.user_exit, exit.entry);
    }
    row.duration.add(total);
    row.vmm_ns += in_vmm;
    row.kvm_ns += total - in_vmm;
  }
  for (auto& [key, row] : rows)
    summary.exits.push_back(std::move(row));
}

void add_vectors(Summary& summary, const VcpuTimeline& vcpu) {
  std::map<std::pair<bool, std::uint32_t>, VectorRow> rows;
  for (const auto& injection : vcpu.injections) {
    VectorRow& row = rows[{injection.exception, injection.vector}];
    row.vcpu = vcpu.vcpu;
    row.vector = injection.vector;
    row.exception = injection.exception;
    injection.reinjected ? ++row.reinjected : ++row.injected;
    if (!injection.isr) continue;
    const tracer::Isr& isr = vcpu.isrs[*injection.isr];
    ++row.isr_entered;
    row.entry_latency.add(clamped(injection.at, isr.entry));
    if (!isr.complete) continue;
    ++row.isr_returned;
    row.isr_duration.add(clamped(isr.entry, isr.iret));
  }
  for (auto& [key, row] : rows)
    summary.vectors.push_back(std::move(row));
}

void add_steps(Summary& summary, const VcpuTimeline& vcpu) {
  std::map<std::pair<std::uint16_t, std::string>, StepRow> rows;
  for (const tracer::VmmStep& step : vcpu.steps) {
    std::string kind = vmm::step_kind_name(static_cast<vmm::VmmStep>(step.step), step.vector);
    StepRow& row = rows[{step.step, kind}];
    row.vcpu = vcpu.vcpu;
    row.step = std::move(kind);
    row.duration.add(clamped(step.begin, step.end));
  }
  for (auto& [key, row] : rows)
    summary.steps.push_back(std::move(row));
}

void add_event(WorkloadRow& row, const WorkloadEvent& event) {
  ++row.events;
  row.round_trip.add(clamped(event.u0, event.u3));
  row.user_exits += event.user_exits;
  row.kernel_exits += event.kernel_exits;
  row.async_exits += event.async_exits;
  if (!event.k1 || !event.k2) return;
  row.delivery.add(clamped(event.u0, *event.k1));
  row.handler.add(clamped(*event.k1, *event.k2));
  row.return_.add(clamped(*event.k2, event.u3));
}

void add_workloads(Summary& summary, const VcpuTimeline& vcpu, const Timeline& timeline) {
  std::map<std::uint16_t, WorkloadRow> rows;
  for (const WorkloadEvent& event : vcpu.events) {
    WorkloadRow& row = rows[event.workload];
    row.vcpu = vcpu.vcpu;
    const auto name = timeline.workload_names.find(event.workload);
    row.workload =
        name != timeline.workload_names.end() ? name->second : fmt::format("workload {}", event.workload);
    add_event(row, event);
  }
  for (auto& [workload, row] : rows)
    summary.workloads.push_back(std::move(row));
}

void add_states(Summary& summary, const VcpuTimeline& vcpu) {
  StateRow row;
  row.vcpu = vcpu.vcpu;
  for (std::size_t i = 0; i < tracer::kStates; ++i)
    row.states.emplace_back(static_cast<tracer::State>(i), 0);
  for (const auto& slice : vcpu.states) {
    row.states[static_cast<std::size_t>(slice.state)].second += clamped(slice.begin, slice.end);
  }
  if (!vcpu.states.empty()) row.traced_ns = clamped(vcpu.states.front().begin, vcpu.states.back().end);
  summary.states.push_back(std::move(row));
}

std::string how_it_ended(const recording::RecordingReader& reader) {
  if (!reader.end()) return "cut off: the recorder did not come to its end";
  return std::string(recording::end_reason_name(reader.end()->reason));
}

}  // namespace

Summary summarize(const recording::RecordingReader& reader, const Timeline& timeline) {
  Summary summary;
  summary.info = reader.info();
  summary.ended = how_it_ended(reader);
  summary.records_lost = reader.lost();
  for (const auto& loss : reader.losses()) {
    if (loss.source == recording::LossSource::unattributed) {
      summary.unattributed += loss.count;
    } else {
      summary.records_lost += loss.count;
    }
  }
  for (const auto& cut : reader.cut())
    summary.cut_files.push_back(cut.file);
  summary.clock_bound_ns = timeline.clock_bound_ns;
  summary.probe_cost = reader.probe_cost();
  summary.traced_ns = clamped(timeline.begin, timeline.end);
  for (const VcpuTimeline& vcpu : timeline.vcpus) {
    summary.stamp_check.checked += vcpu.stamp_check.checked;
    summary.stamp_check.outside += vcpu.stamp_check.outside;
    summary.stamp_check.worst_violation_ns =
        std::max(summary.stamp_check.worst_violation_ns, vcpu.stamp_check.worst_violation_ns);
    add_exits(summary, vcpu);
    add_vectors(summary, vcpu);
    add_steps(summary, vcpu);
    add_workloads(summary, vcpu, timeline);
    add_states(summary, vcpu);
  }
  std::stable_sort(summary.exits.begin(), summary.exits.end(), [](const ExitRow& a, const ExitRow& b) {
    return std::tuple(a.cause, b.duration.total()) < std::tuple(b.cause, a.duration.total());
  });
  summary.truth = compare_with_guest(reader.guest_counts(), timeline, summary.info.path);
  summary.kvm_stats = compare_with_kvm(reader.kvm_stats(), timeline);
  return summary;
}

}  // namespace trapline::analysis
