#include "cli/recorded_run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "cli/probe_cost.h"
#include "cli/recording_observer.h"
#include "cli/this_machine.h"
#include "tracer/recorder/kernel_support.h"
#include "tracer/recording/writer.h"
#include "vmm/paths/workloads.h"

namespace trapline::cli {
namespace {

using vmm::RunOutcome;

// Port writes to measure the probes' cost with, and how often: enough for a figure, too few to be noticed.
constexpr std::uint32_t kCostWrites = 500;
constexpr int kCostRounds = 5;

Status write_beginning(recording::RecordingWriter& writer, const std::optional<recording::ProbeCost>& cost,
                       const std::vector<vmm::WorkloadRun>& workloads) {
  if (cost) TRAPLINE_TRY(writer.write(*cost));
  const HostNs now = tracer::take_clock_sample(1).ns;
  std::uint32_t index = 0;
  for (const vmm::WorkloadRun& run : workloads) {
    recording::Workload workload;
    workload.at = now;
    workload.guest_workload = run.workload;
    workload.index = index++;
    workload.count = run.count;
    workload.name = vmm::workload_name(run.workload);
    TRAPLINE_TRY(writer.write(workload));
  }
  return {};
}

Status write_counts(recording::RecordingWriter& writer, HostNs at, const RunOutcome& outcome) {
  for (std::size_t i = 0; i < outcome.vcpus.size(); ++i) {
    const auto vcpu = static_cast<std::uint16_t>(i);
    for (const guest_count& count : outcome.vcpus[i].counts) {
      TRAPLINE_TRY(writer.write(recording::GuestCount{at, vcpu, count.kind, count.key, count.count}));
    }
    for (const vmm::VcpuStat& stat : outcome.vcpus[i].stats) {
      TRAPLINE_TRY(writer.write(recording::KvmStat{at, vcpu, stat.name, stat.value}));
    }
  }
  return {};
}

// The losses that no stream's own packets tell.
Status write_losses(recording::RecordingWriter& writer, HostNs at, const tracer::Losses& losses) {
  using recording::LossSource;
  const std::pair<LossSource, std::uint64_t> told[] = {{LossSource::probe_recursion, losses.recursion},
                                                       {LossSource::threads, losses.threads},
                                                       {LossSource::unattributed, losses.unattributed}};
  for (const auto& [source, count] : told) {
    if (count != 0) TRAPLINE_TRY(writer.write(recording::StreamLoss{at, source, 0, count}));
  }
  return {};
}

recording::EndReason end_reason(RunOutcome::End end) {
  switch (end) {
    case RunOutcome::End::finished:
      return recording::EndReason::finished;
    case RunOutcome::End::stopped:
      return recording::EndReason::stopped;
    case RunOutcome::End::guest_crashed:
      break;
  }
  return recording::EndReason::guest_crashed;
}

Result<tracer::ProbeMode> mode_for(const tracer::KernelSupport& kernel, bool light) {
  if (!light || kernel.isa != recording::Isa::vmx) return kernel.best_mode();
  if (kernel.vcpu_vmx_fields) return tracer::ProbeMode::vmx_light;
  return fail("--light cannot work here: this kernel's struct vcpu_vmx is of another shape",
              "leave out --light", ExitStatus::machine_lacks);
}

}  // namespace

Result<AttachedProbes> attach_probes(const vmm::Kvm& kvm, const ProbeOptions& options) {
  const auto kernel = tracer::look_at_kernel();
  TRAPLINE_TRY(tracer::check_recording_possible(kernel));
  TRAPLINE_ASSIGN(mode, mode_for(kernel, options.light));

  std::optional<recording::ProbeCost> cost;
  if (options.measure_cost) {
    TRAPLINE_ASSIGN(untraced_ns, time_port_write(kvm, kCostWrites, kCostRounds));
    cost.emplace();
    cost->exits = kCostWrites;
    cost->untraced_ns = untraced_ns;
  }
  tracer::RecorderOptions recording;
  recording.own_process = ::getpid();
  recording.mode = mode;
  recording.ring_records = options.ring_records;
  TRAPLINE_ASSIGN(recorder, tracer::Recorder::attach(recording, kernel));
  if (cost) {
    TRAPLINE_ASSIGN(traced_ns, time_port_write(kvm, kCostWrites, kCostRounds));
    cost->at = tracer::take_clock_sample(1).ns;
    cost->traced_ns = traced_ns;
    cost->per_exit_ns = static_cast<std::int64_t>(traced_ns - cost->untraced_ns);
  }
  auto info = describe_this_machine();
  info.isa = kernel.isa;
  info.mode =
      fmt::format("{}, {}", tracer::probe_mode_name(mode), kernel.rdonly_cast ? "plain loads" : "copies");
  return AttachedProbes{std::move(recorder), cost, std::move(info)};
}

Result<RunOutcome> record_run(const vmm::Kvm& kvm, AttachedProbes& probes, RunToRecord run,
                              std::atomic<bool>& stop) {
  const std::vector<vmm::WorkloadRun> workloads = run.config.workloads;
  recording::RecordingInfo info = probes.info;
  info.path = run.config.path;
  info.command_line = run.command_line;
  // Before the first byte is written: it fails where KVM lacks what the path needs.
  TRAPLINE_ASSIGN(machine, vmm::Machine::create(kvm, std::move(run.config)));
  TRAPLINE_ASSIGN(writer, recording::RecordingWriter::create(run.folder, info, recording::IfExists::replace));

  probes.recorder.begin();
  TRAPLINE_TRY(write_beginning(writer, probes.cost, workloads));
  RecordingObserver observer(writer, probes.recorder, stop);
  TRAPLINE_ASSIGN(outcome, machine.run(observer, stop));
  TRAPLINE_TRY(observer.finish());
  TRAPLINE_TRY(probes.recorder.finish(writer));
  const HostNs now = tracer::take_clock_sample(1).ns;
  const auto losses = probes.recorder.losses();
  TRAPLINE_TRY(write_counts(writer, now, outcome));
  TRAPLINE_TRY(write_losses(writer, now, losses));
  TRAPLINE_TRY(writer.finish({now, end_reason(outcome.end), losses.records()}));
  return outcome;
}

}  // namespace trapline::cli
