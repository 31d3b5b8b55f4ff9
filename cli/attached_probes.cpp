#include "cli/attached_probes.h"

#include <fmt/format.h>
#include <unistd.h>

#include <utility>

#include "cli/probe_cost.h"
#include "cli/this_machine.h"
#include "tracer/clock/sample.h"
#include "tracer/recorder/kernel_support.h"
#include "tracer/recorder/mode_support.h"

namespace trapline::cli {
namespace {

// Port writes to measure the probes' cost with, and how often: enough for a figure, too few to be noticed.
constexpr std::uint32_t kCostWrites = 500;
constexpr int kCostRounds = 5;

Result<tracer::ProbeMode> mode_for(const tracer::KernelSupport& kernel, bool light) {
  if (!light || kernel.isa != recording::Isa::vmx) {
    TRAPLINE_TRY(tracer::check_recording_possible(kernel));
    return kernel.best_mode();
  }
  TRAPLINE_TRY(tracer::check_mode(kernel, tracer::ProbeMode::vmx_light));
  return tracer::ProbeMode::vmx_light;
}

std::string_view follow_name(tracer::FollowBy by) {
  switch (by) {
    case tracer::FollowBy::fentry:
      return "fentry";
    case tracer::FollowBy::fprobe:
      return "fprobe";
    case tracer::FollowBy::nothing:
      break;
  }
  return "interrupts by process";
}

}  // namespace

Result<AttachedProbes> attach_probes(const vmm::Kvm* kvm, const ProbeOptions& options) {
  const auto kernel = tracer::look_at_kernel();
  tracer::RecorderOptions recorder_options = options.recorder;
  recorder_options.own_process = ::getpid();
  TRAPLINE_ASSIGN(mode, mode_for(kernel, options.light));
  recorder_options.mode = mode;

  std::optional<recording::ProbeCost> cost;
  if (kvm != nullptr) {
    TRAPLINE_ASSIGN(untraced_ns, time_port_write(*kvm, kCostWrites, kCostRounds));
    cost.emplace();
    cost->exits = kCostWrites;
    cost->untraced_ns = untraced_ns;
  }
  TRAPLINE_ASSIGN(recorder, tracer::Recorder::attach(recorder_options, kernel));
  if (cost) {
    TRAPLINE_ASSIGN(traced_ns, time_port_write(*kvm, kCostWrites, kCostRounds));
    cost->at = tracer::take_clock_sample(1).ns;
    cost->traced_ns = traced_ns;
    cost->per_exit_ns = static_cast<std::int64_t>(traced_ns - cost->untraced_ns);
  }
  auto info = describe_this_machine();
  info.isa = kernel.isa;
  info.mode = fmt::format("{}, {}, {}", tracer::probe_mode_name(mode),
                          kernel.rdonly_cast ? "plain loads" : "copies", follow_name(recorder.followed_by()));
  return AttachedProbes{std::move(recorder), cost, std::move(info)};
}

Status finish_recording(recording::RecordingWriter& writer, const tracer::Recorder& recorder, HostNs at,
                        recording::EndReason reason) {
  using recording::LossSource;
  const tracer::Losses losses = recorder.losses();
  const std::pair<LossSource, std::uint64_t> told[] = {{LossSource::probe_recursion, losses.recursion},
                                                       {LossSource::threads, losses.threads},
                                                       {LossSource::unattributed, losses.unattributed},
                                                       {LossSource::filtered, losses.filtered}};
  for (const auto& [source, count] : told) {
    if (count != 0) TRAPLINE_TRY(writer.write(recording::StreamLoss{at, source, 0, count}));
  }
  return writer.finish({at, reason, losses.records()});
}

}  // namespace trapline::cli
