#include "analysis/summary.h"

#include <algorithm>
#include <tuple>

#include "vmm/steps.h"

namespace trapline::analysis {
namespace {

using tracer::Exit;
using tracer::WorkloadEvent;

// By what steps of this kind differ in the report, beside the step itself.
std::uint16_t emulated(const tracer::VmmStep& step) {
  const auto kind = static_cast<vmm::VmmStep>(step.step);
  return kind == vmm::VmmStep::emulate || kind == vmm::VmmStep::hypercall ? step.vector : std::uint16_t{0};
}

}  // namespace

std::uint64_t Summary::traced_ns_of(std::uint16_t vcpu) const {
  const auto found = std::ranges::find(states, vcpu, &StateRow::vcpu);
  return found == states.end() ? 0 : found->traced_ns;
}

Summarizer::Summarizer(const std::vector<ExitKey>& by) {
  if (!by.empty()) grouping_.emplace(by);
}

void Summarizer::state(std::uint16_t vcpu, const tracer::StateSlice& slice) {
  OfVcpu& of = vcpus_[vcpu];
  if (!of.has_states) of.begin = slice.begin;
  of.has_states = true;
  of.end = slice.end;
  of.states[static_cast<std::size_t>(slice.state)] += clamped(slice.begin, slice.end);
  scheduling_.add(vcpu, slice);
}

void Summarizer::exit(std::uint16_t vcpu, const Exit& exit) {
  counts_.add(vcpu, exit);
  std::vector<ExitRow>& rows = vcpus_[vcpu].exits;
  if (exit.what->index >= rows.size()) rows.resize(exit.what->index + 1);
  ExitRow& row = rows[exit.what->index];
  if (row.count() == 0) {
    row.vcpu = vcpu;
    row.reason = exit.what->reason;
    row.key = exit.what->key;
    row.cause = exit.what->cause;
  }
  row.add(exit);
  const std::uint16_t vm = head_.machines.vcpu(vcpu).vm;
  if (grouping_) grouping_->add(vcpu, vm, exit);
  guest_code_.add(vm, exit);
}

void Summarizer::step(std::uint16_t vcpu, const tracer::VmmStep& step) {
  counts_.add(vcpu, step);
  StepRow& row = vcpus_[vcpu].steps[{step.step, emulated(step)}];
  row.vcpu = vcpu;
  if (row.step.empty()) row.step = vmm::step_kind_name(static_cast<vmm::VmmStep>(step.step), emulated(step));
  row.duration.add(clamped(step.begin, step.end));
}

void Summarizer::event(std::uint16_t vcpu, const WorkloadEvent& event) {
  WorkloadRow& row = vcpus_[vcpu].workloads[event.workload];
  if (row.events == 0) {
    row.vcpu = vcpu;
    row.workload = head_.workload_name(event.workload);
  }
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

void Summarizer::stamps_checked(std::uint16_t vcpu, const tracer::StampCheck& check) {
  vcpus_[vcpu];  // one that did nothing has its row of states, too
  counts_.add(vcpu, check);
  stamp_check_.checked += check.checked;
  stamp_check_.outside += check.outside;
  stamp_check_.worst_violation_ns = std::max(stamp_check_.worst_violation_ns, check.worst_violation_ns);
}

Summary Summarizer::finish(const recording::RecordingReader& reader) {
  Summary summary;
  summary.info = reader.info();
  summary.whole = completeness_of(reader);
  summary.machines = head_.machines;
  summary.clock_bound_ns = head_.clock_bound_ns;
  summary.probe_cost = reader.probe_cost();
  summary.stamp_check = stamp_check_;
  HostNs begin{~std::uint64_t{0}};
  HostNs end;
  for (auto& [number, vcpu] : vcpus_) {
    for (ExitRow& row : vcpu.exits) {
      if (row.count() == 0) continue;
      summary.all_exits.count += row.count();
      summary.all_exits.handling_ns += row.handling().total();
      summary.exits.push_back(std::move(row));
    }
    for (auto& [key, row] : vcpu.steps)
      summary.steps.push_back(std::move(row));
    for (auto& [key, row] : vcpu.workloads)
      summary.workloads.push_back(std::move(row));
    StateRow states{number, clamped(vcpu.begin, vcpu.end), {}};
    for (std::size_t i = 0; i < tracer::kStates; ++i)
      states.states.emplace_back(static_cast<tracer::State>(i), vcpu.states[i]);
    summary.states.push_back(std::move(states));
    if (!vcpu.has_states) continue;
    begin = std::min(begin, vcpu.begin);
    end = std::max(end, vcpu.end);
  }
  summary.traced_ns = clamped(begin, end);
  std::stable_sort(summary.exits.begin(), summary.exits.end(), [](const ExitRow& a, const ExitRow& b) {
    return std::tuple(a.cause, b.handling().total()) < std::tuple(b.cause, a.handling().total());
  });
  if (grouping_) summary.groups = grouping_->take();
  summary.guest_code = guest_code_.take();
  scheduling_.finish();
  summary.scheduling = scheduling_.scheduling();
  summary.halts = scheduling_.halts();
  summary.interrupts = interrupts_.take();
  summary.truth = compare_with_guest(reader.guest_counts(), counts_, summary.info.path);
  summary.kvm_stats = compare_with_kvm(reader.kvm_stats(), counts_);
  return summary;
}

Result<Summary> summarize(const recording::RecordingReader& reader, const SummaryOptions& options) {
  Summarizer summarizer(options.by);
  tracer::TimelineWindow window(summarizer, {.vcpus = options.vcpus});
  TRAPLINE_TRY(tracer::stream_timeline(reader, window));
  return summarizer.finish(reader);
}

}  // namespace trapline::analysis
