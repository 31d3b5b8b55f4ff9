// trapline run: our own VMM and nano-kernel over one delivery path, recorded from end to end.
#include <fmt/format.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/chosen_recording.h"
#include "cli/probe_cost.h"
#include "cli/recording_observer.h"
#include "cli/subcommands.h"
#include "cli/temporary_folder.h"
#include "cli/this_machine.h"
#include "tracer/recorder/kernel_support.h"
#include "tracer/recorder/recorder.h"
#include "tracer/recording/writer.h"
#include "viewer/tables/printable.h"
#include "vmm/machine/machine.h"
#include "vmm/paths/paths.h"
#include "vmm/paths/workloads.h"

namespace trapline::cli {
namespace {

using vmm::RunOutcome;

// Port writes to measure the probes' cost with, and how often: enough for a figure, too few to be noticed.
constexpr std::uint32_t kCostWrites = 500;
constexpr int kCostRounds = 5;

struct Options {
  std::string folder;
  std::string path = "hvm";
  std::vector<std::string> workloads;
  std::uint32_t count = 1000;
  std::uint32_t vcpus = 1;
  std::uint32_t ring_records = 1u << 15;
  bool no_trace = false;
  bool no_probe_cost = false;
  bool quiet = false;
  bool no_stamps = false;
  bool console = false;
  bool json = false;
  std::string command_line;
};

// Set by SIGINT and SIGTERM: the run ends within a poll interval, and the recording is finished.
std::atomic<bool> stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void request_stop(int /*signal*/) {
  stop_requested = true;
}

void stop_on_signals() {
  struct sigaction action {};
  action.sa_handler = request_stop;
  sigemptyset(&action.sa_mask);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP})
    ::sigaction(signal, &action, nullptr);
}

Result<vmm::MachineConfig> machine_config(const Options& options) {
  TRAPLINE_ASSIGN(path, vmm::find_path(options.path));
  vmm::MachineConfig config;
  config.path = path->name;
  config.vcpus = options.vcpus;
  config.stamps = !options.no_stamps;
  config.greet = options.console;
  config.console = [](std::string_view line) { fmt::print(stderr, "guest: {}\n", viewer::printable(line)); };
  for (const std::string& name : options.workloads) {
    TRAPLINE_ASSIGN(entry, vmm::find_workload(name));
    config.workloads.push_back({entry->workload, options.count});
  }
  return config;
}

ExitStatus status_of(const RunOutcome& outcome) {
  switch (outcome.end) {
    case RunOutcome::End::finished:
      return ExitStatus::done;
    case RunOutcome::End::stopped:
      fmt::print(stderr, "trapline: interrupted before all events were done\n");
      return ExitStatus::failed;
    case RunOutcome::End::guest_crashed:
      fmt::print(stderr, "trapline: the guest crashed\n{}\n", outcome.crash_report);
      break;
  }
  return ExitStatus::failed;
}

// Of all threads of this process: guest, VMM and recorder, and what the kernel does for them, the probes
// included.
std::uint64_t processor_time_ns() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(used.tv_nsec);
}

Result<ExitStatus> run_untraced(const vmm::Kvm& kvm, vmm::MachineConfig config) {
  vmm::Observer nobody;
  TRAPLINE_ASSIGN(machine, vmm::Machine::create(kvm, std::move(config)));
  const std::uint64_t begin_ns = processor_time_ns();
  TRAPLINE_ASSIGN(outcome, machine.run(nobody, stop_requested));
  fmt::print("untraced; processor time of the run: {} ns\n", processor_time_ns() - begin_ns);
  return status_of(outcome);
}

// Everything that a run needs, in the order in which it is made: what can fail for lack of rights or kernel
// support comes before the first byte is written.
struct TracedRun {
  std::optional<recording::ProbeCost> cost;
  tracer::Recorder recorder;
  vmm::Machine machine;
  recording::RecordingWriter writer;
};

Result<TracedRun> prepare(const vmm::Kvm& kvm, const Options& options, vmm::MachineConfig config,
                          const std::filesystem::path& folder) {
  const auto kernel = tracer::look_at_kernel();
  TRAPLINE_TRY(tracer::check_recording_possible(kernel));

  std::optional<recording::ProbeCost> cost;
  if (!options.no_probe_cost) {
    TRAPLINE_ASSIGN(untraced_ns, time_port_write(kvm, kCostWrites, kCostRounds));
    cost.emplace();
    cost->exits = kCostWrites;
    cost->untraced_ns = untraced_ns;
  }
  TRAPLINE_ASSIGN(recorder, tracer::Recorder::attach(
                                {.target = ::getpid(), .ring_records = options.ring_records}, kernel));
  if (cost) {
    TRAPLINE_ASSIGN(traced_ns, time_port_write(kvm, kCostWrites, kCostRounds));
    recorder.discard();
    cost->at = tracer::take_clock_sample(1).ns;
    cost->traced_ns = traced_ns;
    cost->per_exit_ns = static_cast<std::int64_t>(traced_ns - cost->untraced_ns);
  }

  TRAPLINE_ASSIGN(machine, vmm::Machine::create(kvm, std::move(config)));
  auto info = describe_this_machine();
  info.isa = kernel.isa;
  info.mode = kernel.rdonly_cast ? "full, plain loads" : "full, copies";
  info.path = options.path;
  info.command_line = options.command_line;
  TRAPLINE_ASSIGN(writer, recording::RecordingWriter::create(folder, info, recording::IfExists::replace));
  return TracedRun{cost, std::move(recorder), std::move(machine), std::move(writer)};
}

Status write_beginning(TracedRun& run, const Options& options) {
  if (run.cost) TRAPLINE_TRY(run.writer.write(*run.cost));
  const HostNs now = tracer::take_clock_sample(1).ns;
  std::uint32_t index = 0;
  for (const std::string& name : options.workloads) {
    TRAPLINE_ASSIGN(entry, vmm::find_workload(name));
    recording::Workload workload;
    workload.at = now;
    workload.guest_workload = entry->workload;
    workload.index = index++;
    workload.count = options.count;
    workload.name = entry->name;
    TRAPLINE_TRY(run.writer.write(workload));
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

Result<RunOutcome> record(TracedRun& run, const Options& options) {
  TRAPLINE_TRY(write_beginning(run, options));
  RecordingObserver observer(run.writer, run.recorder, stop_requested);
  TRAPLINE_ASSIGN(outcome, run.machine.run(observer, stop_requested));
  TRAPLINE_TRY(observer.finish());
  TRAPLINE_TRY(run.recorder.stop(run.writer));
  const HostNs now = tracer::take_clock_sample(1).ns;
  const auto losses = run.recorder.losses();
  TRAPLINE_TRY(write_counts(run.writer, now, outcome));
  TRAPLINE_TRY(write_losses(run.writer, now, losses));
  TRAPLINE_TRY(run.writer.finish({now, end_reason(outcome.end), losses.records()}));
  return outcome;
}

Result<ExitStatus> run(const Options& options) {
  TRAPLINE_ASSIGN(config, machine_config(options));
  TRAPLINE_ASSIGN(kvm, vmm::Kvm::open());
  stop_on_signals();
  if (options.no_trace) return run_untraced(kvm, std::move(config));

  std::optional<TemporaryFolder> temporary;
  std::filesystem::path folder = options.folder;
  if (folder.empty()) {
    TRAPLINE_ASSIGN(made, TemporaryFolder::create());
    folder = made.path() / "recording";
    temporary.emplace(std::move(made));
  }
  TRAPLINE_ASSIGN(prepared, prepare(kvm, options, std::move(config), folder));
  const std::uint64_t begin_ns = processor_time_ns();
  TRAPLINE_ASSIGN(outcome, record(prepared, options));
  const std::uint64_t used_ns = processor_time_ns() - begin_ns;
  if (!options.quiet) {
    TRAPLINE_ASSIGN(chosen, open_recording(folder));
    print_report(chosen, options.json);
  }
  if (options.quiet) fmt::print("recorded; processor time of the run: {} ns\n", used_ns);
  if (!temporary && !options.json)
    fmt::print("{}recording: {}\n", options.quiet ? "" : "\n", folder.string());
  return status_of(outcome);
}

template <typename Table>
std::string names_of(const Table& table) {
  std::string names;
  for (const auto& entry : table)
    names += fmt::format("\n  {:<14} {}", entry.name, entry.summary);
  return names;
}

std::string joined_arguments(const CLI::App& program) {
  std::string line = "trapline run";
  for (const CLI::Option* option : program.get_options()) {
    if (option->count() == 0) continue;
    line += fmt::format(" {} {}", option->get_name(), fmt::join(option->results(), ","));
  }
  return line;
}

}  // namespace

Subcommand add_run(CLI::App& program) {
  auto options = std::make_shared<Options>();
  CLI::App* app = program.add_subcommand("run", "Run the nano-kernel in our own VMM and record it");
  app->add_option("-o", options->folder,
                  "Folder of the recording; a recording that is there is replaced. Not kept if not given");
  app->add_option("--path", options->path, "Delivery path:" + names_of(vmm::paths()))->capture_default_str();
  app->add_option("--workload", options->workloads, "What the guest does:" + names_of(vmm::workloads()))
      ->delimiter(',')
      ->required();
  app->add_option("-n", options->count, "Events of each workload")
      ->check(CLI::Range(1u, 100'000'000u))
      ->capture_default_str();
  app->add_option("--vcpus", options->vcpus, "Virtual CPUs; the workload ipi needs two")
      ->check(CLI::Range(1u, unsigned{GUEST_MAX_VCPUS}))
      ->capture_default_str();
  app->add_option("--ring", options->ring_records, "Exits that each CPU's ring holds, a power of two")
      ->check(CLI::Validator(
          [](const std::string& text) {
            const unsigned long value = std::strtoul(text.c_str(), nullptr, 10);
            const bool good = value >= 16 && value <= 1u << 24 && (value & (value - 1)) == 0;
            return good ? std::string{} : std::string("must be a power of two from 16 to 16777216");
          },
          "POWER OF TWO"))
      ->capture_default_str();
  app->add_flag("--no-trace", options->no_trace, "Run without recording: no rights for BPF are needed");
  app->add_flag("--no-probe-cost", options->no_probe_cost, "Do not measure first what recording costs here");
  app->add_flag("-q,--quiet", options->quiet, "Record only: do not print the report");
  app->add_flag("--no-stamps", options->no_stamps, "The guest writes no stamps: bare loops");
  app->add_flag("--console", options->console, "The guest greets on its serial console, which causes exits");
  app->add_flag("--json", options->json, "Print the report as JSON (docs/report.md)");
  return {app, [options, app] {
            options->command_line = joined_arguments(*app);
            return run(*options);
          }};
}

}  // namespace trapline::cli
