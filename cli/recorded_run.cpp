#include "cli/recorded_run.h"

#include <utility>

#include "cli/recording_observer.h"
#include "tracer/recording/writer.h"
#include "vmm/paths/workloads.h"

namespace trapline::cli {
namespace {

using vmm::RunOutcome;

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

}  // namespace

Result<RunOutcome> record_run(const vmm::Kvm& kvm, AttachedProbes& probes, RunToRecord run,
                              std::atomic<bool>& stop) {
  const std::vector<vmm::WorkloadRun> workloads = run.config.workloads;
  recording::RecordingInfo info = probes.info;
  info.path = run.config.path;
  info.command_line = run.command_line;
  // Before the first byte is written: it fails where KVM lacks what the path needs.
  TRAPLINE_ASSIGN(machine, vmm::Machine::create(kvm, std::move(run.config)));
  TRAPLINE_ASSIGN(writer, recording::RecordingWriter::create(run.folder, info, recording::IfExists::replace));

  TRAPLINE_TRY(probes.recorder.begin());
  TRAPLINE_TRY(write_beginning(writer, probes.cost, workloads));
  RecordingObserver observer(writer, probes.recorder, stop);
  TRAPLINE_ASSIGN(outcome, machine.run(observer, stop));
  TRAPLINE_TRY(observer.finish());
  TRAPLINE_TRY(probes.recorder.finish(writer));
  const HostNs now = tracer::take_clock_sample(1).ns;
  TRAPLINE_TRY(write_counts(writer, now, outcome));
  TRAPLINE_TRY(finish_recording(writer, probes.recorder, now, end_reason(outcome.end)));
  return outcome;
}

}  // namespace trapline::cli
