// trapline record: any VM on this host.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "base/privileges.h"
#include "cli/attached_probes.h"
#include "cli/chosen_recording.h"
#include "cli/clock_sampler.h"
#include "cli/command_line.h"
#include "cli/exit_filter.h"
#include "cli/held_command.h"
#include "cli/probe_arguments.h"
#include "cli/record_targets.h"
#include "cli/recording_place.h"
#include "cli/stop_signals.h"
#include "cli/subcommands.h"
#include "cli/time_argument.h"
#include "tracer/recorder/kernel_support.h"
#include "viewer/tables/printable.h"

namespace trapline::cli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

struct RecordOptions {
  std::string folder;
  TargetArguments targets;
  FilterArguments filter;
  std::string duration;
  std::uint32_t ring_records = 1u << 15;
  bool list = false;
  bool light = false;
  bool no_probe_cost = false;
  bool quiet = false;
  bool json = false;
  std::string command_line;
};

// What decides when a recording ends.
struct Until {
  std::optional<Clock::time_point> time;
  const RecordTargets* targets = nullptr;
  HeldCommand* command = nullptr;
};

// How long to sleep before the rings are looked at again: a million exits a second on one CPU take 32 ms to
// fill a ring of 32,768.
milliseconds pause_after(double fill, milliseconds last, bool any_vcpu) {
  // Nothing comes from vCPUs that have not run; the first that does fills no ring within this.
  if (!any_vcpu) return milliseconds{25};
  if (fill > 0.25) return milliseconds{0};
  if (fill > 0.05) return milliseconds{2};
  return std::min(last * 2 + milliseconds{1}, milliseconds{10});
}

// One line on a terminal that is written over each second.
class Progress {
 public:
  Progress()
      : shown_(::isatty(STDERR_FILENO) != 0), began_(Clock::now()), next_(began_ + std::chrono::seconds(1)) {}
  ~Progress() {
    if (printed_) fmt::print(stderr, "\r\x1b[K");
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(const tracer::Recorder& recorder, const recording::RecordingWriter& writer) {
    if (!shown_ || Clock::now() < next_) return;
    next_ += std::chrono::seconds(1);
    printed_ = true;
    const double seconds = std::chrono::duration<double>(Clock::now() - began_).count();
    fmt::print(stderr,
               "\r\x1b[K{:.0f} s: {} VMs, {} vCPUs, {:.1f} MB written, {} records lost; Ctrl-C ends it",
               seconds, recorder.vms_seen(), recorder.vcpus_seen(),
               static_cast<double>(writer.bytes_written()) / 1e6, recorder.losses().records());
  }

 private:
  bool shown_;
  bool printed_ = false;
  Clock::time_point began_;
  Clock::time_point next_;
};

Result<recording::EndReason> record_until(AttachedProbes& probes, recording::RecordingWriter& writer,
                                          const Until& until, const std::atomic<bool>& stop) {
  ClockSampler sampler(writer);
  TRAPLINE_TRY(sampler.begin());
  Progress progress;
  milliseconds pause{1};
  auto reason = recording::EndReason::stopped;
  for (bool over = false; !over;) {
    TRAPLINE_TRY(probes.recorder.drain(writer));
    TRAPLINE_TRY(sampler.tick());
    progress.show(probes.recorder, writer);
    const bool ended = (until.targets != nullptr && until.targets->all_ended()) ||
                       (until.command != nullptr && until.command->ended());
    if (ended) reason = recording::EndReason::finished;
    over = ended || stop || (until.time && Clock::now() >= *until.time);
    pause = pause_after(probes.recorder.fill(), pause, probes.recorder.vcpus_seen() != 0);
    if (!over) std::this_thread::sleep_for(pause);
  }
  TRAPLINE_TRY(probes.recorder.finish(writer));
  TRAPLINE_TRY(sampler.sample());
  return reason;
}

// Our own VMM measures what recording costs; where it cannot run, that is said, and the recording has no such
// figure.
std::optional<vmm::Kvm> kvm_to_measure_with(const RecordOptions& options) {
  if (options.no_probe_cost) return std::nullopt;
  auto kvm = vmm::Kvm::open();
  if (kvm) return std::move(*kvm);
  fmt::print(stderr, "trapline: what recording costs is not measured: {}\n", kvm.error().what);
  return std::nullopt;
}

// Attaching takes its time: what happened before this line is not recorded.
void say_that_it_begins(const RecordOptions& options, const RecordTargets& targets) {
  const char* ends = options.duration.empty() ? "Ctrl-C ends it" : "Ctrl-C or --duration ends it";
  const auto running = options.targets.all ? tracer::find_running_vms() : Result<tracer::RunningVms>();
  if (options.targets.all && running && running->processes.empty() && running->not_permitted == 0)
    fmt::print(stderr, "trapline: no VM runs on this host; recording those that will start ({})\n", ends);
  else if (!options.targets.command.empty())
    fmt::print(stderr, "trapline: recording the VMs of {} until it ends\n",
               viewer::printable(options.targets.command[0]));
  else
    fmt::print(stderr, "trapline: recording {} ({})\n", targets.text(), ends);
}

Result<Until> ends_of(const RecordOptions& options, const RecordTargets& targets,
                      std::optional<HeldCommand>& command) {
  Until until;
  until.targets = &targets;
  until.command = command ? &*command : nullptr;
  if (options.duration.empty()) return until;
  TRAPLINE_ASSIGN(duration_ns, parse_time(options.duration, "--duration", "s"));
  until.time = Clock::now() + std::chrono::nanoseconds(duration_ns);
  return until;
}

// The command goes on where the recording ended before it; it is told of the signal that ended us.
ExitStatus end_of_command(HeldCommand& command, const std::atomic<bool>& stop) {
  if (stop) command.send(SIGTERM);
  if (!command.ended()) fmt::print(stderr, "trapline: recorded; waiting for the command to end\n");
  return static_cast<ExitStatus>(command.wait());
}

Result<ExitStatus> record(const RecordOptions& options) {
  if (options.list) {
    TRAPLINE_TRY(print_running_vms(options.json));
    return ExitStatus::done;
  }
  if (!options.duration.empty()) TRAPLINE_TRY(parse_time(options.duration, "--duration", "s"));
  TRAPLINE_ASSIGN(place, RecordingPlace::choose(options.folder));
  TRAPLINE_ASSIGN(targets, RecordTargets::find(options.targets));
  ProbeOptions probing;
  TRAPLINE_ASSIGN(filter, filter_from(options.filter, tracer::look_at_kernel().isa));
  probing.recorder.scope = targets.scope();
  probing.recorder.filter = filter;
  probing.recorder.ring_records = options.ring_records;
  probing.light = options.light;
  std::atomic<bool>& stop = stop_on_signals();

  const auto kvm = kvm_to_measure_with(options);
  TRAPLINE_ASSIGN(probes, attach_probes(kvm ? &*kvm : nullptr, probing));
  probes.info.filter = filter_text(options.filter);
  probes.info.command_line = options.command_line;
  TRAPLINE_ASSIGN(
      writer, recording::RecordingWriter::create(place.folder, probes.info, recording::IfExists::replace));
  if (probes.cost) TRAPLINE_TRY(writer.write(*probes.cost));

  // The command keeps the rights that the recorder gives up before it looks at what the probes have to say.
  std::optional<HeldCommand> command;
  if (!options.targets.command.empty()) {
    TRAPLINE_ASSIGN(held, HeldCommand::hold(options.targets.command));
    command.emplace(std::move(held));
    if (!options.targets.all) TRAPLINE_TRY(probes.recorder.want_process(command->pid(), true));
  }
  TRAPLINE_TRY(targets.select(probes.recorder));
  TRAPLINE_TRY(drop_privileges());
  TRAPLINE_TRY(probes.recorder.begin());
  say_that_it_begins(options, targets);
  if (command) TRAPLINE_TRY(command->let_go());
  TRAPLINE_ASSIGN(until, ends_of(options, targets, command));
  TRAPLINE_ASSIGN(reason, record_until(probes, writer, until, stop));
  TRAPLINE_TRY(finish_recording(writer, probes.recorder, tracer::take_clock_sample(1).ns, reason));
  const std::size_t vms = probes.recorder.vms_seen();

  if (!options.quiet) TRAPLINE_TRY(print_report(place.folder, options.json));
  if (vms == 0) fmt::print(stderr, "trapline: no VM left its guest while this was recorded\n");
  if (!place.temporary && !options.json)
    fmt::print("{}recording: {}\n", options.quiet ? "" : "\n", place.folder.string());
  return command ? end_of_command(*command, stop) : ExitStatus::done;
}

}  // namespace

Subcommand add_record(CLI::App& program) {
  auto options = std::make_shared<RecordOptions>();
  CLI::App* app = program.add_subcommand("record", "Record any VM on this host");
  app->add_option("-o", options->folder,
                  "Folder of the recording; a recording that is there is replaced. Not kept if not given");
  app->add_option("-p,--pid", options->targets.pids, "VMs of these processes")->delimiter(',');
  app->add_option("--vm", options->targets.names, "VMs of these names, as --list shows them")->delimiter(',');
  app->add_flag("--all", options->targets.all, "Every VM, those that start meanwhile too");
  app->add_flag("--list", options->list, "Only show the VMs of this host");
  app->add_option("--duration", options->duration, "End the recording after this time: 10 (seconds), 500ms");
  add_filter_options(*app, options->filter);
  add_ring_option(*app, options->ring_records);
  add_light_option(*app, options->light);
  add_no_probe_cost_option(*app, options->no_probe_cost);
  app->add_flag("-q,--quiet", options->quiet, "Record only: do not print the report");
  app->add_flag("--json", options->json, "Print the report (or the list) as JSON");
  app->add_option("COMMAND", options->targets.command,
                  "After --: a command to start; the VMs that it and its children open are recorded until it "
                  "ends, and its "
                  "exit status is ours");
  app->positionals_at_end();
  return {app, [options, app] {
            options->command_line = command_line_of(*app);
            return record(*options);
          }};
}

}  // namespace trapline::cli
