// trapline run: our own VMM and nano-kernel over one delivery path, recorded from end to end.
#include <fmt/format.h>
#include <time.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/chosen_recording.h"
#include "cli/command_line.h"
#include "cli/probe_arguments.h"
#include "cli/recorded_run.h"
#include "cli/recording_place.h"
#include "cli/stop_signals.h"
#include "cli/subcommands.h"
#include "cli/time_argument.h"
#include "viewer/tables/printable.h"
#include "vmm/machine/machine.h"
#include "vmm/paths/paths.h"
#include "vmm/paths/workloads.h"

namespace trapline::cli {
namespace {

using vmm::RunOutcome;

struct RunOptions {
  std::string folder;
  std::string path = "hvm";
  std::vector<std::string> workloads;
  std::uint32_t count = 1000;
  std::uint32_t vcpus = 1;
  std::string wait = "1ms";
  std::uint32_t ring_records = 1u << 15;
  bool no_trace = false;
  bool no_probe_cost = false;
  bool light = false;
  bool quiet = false;
  bool no_stamps = false;
  bool console = false;
  bool json = false;
  // Of the tests, not in the help.
  std::vector<std::string> disturbances;
  std::optional<std::uint32_t> wait_bound;
  std::string command_line;
};

constexpr std::uint64_t kLongestWaitNs = 1'000'000'000;

Result<std::chrono::microseconds> wait_of(const std::string& text) {
  TRAPLINE_ASSIGN(ns, parse_time(text, "--wait"));
  if (ns < 1000 || ns > kLongestWaitNs) {
    return fail(fmt::format("--wait {} is not from 1us to 1s", text), "give a time such as 500us",
                ExitStatus::wrong_usage);
  }
  return std::chrono::microseconds(ns / 1000);
}

Result<vmm::MachineConfig> machine_config(const RunOptions& options) {
  TRAPLINE_ASSIGN(path, vmm::find_path(options.path));
  vmm::MachineConfig config;
  config.path = path->name;
  config.vcpus = options.vcpus;
  TRAPLINE_ASSIGN(wait, wait_of(options.wait));
  config.timer_delay = wait;
  config.doorbell_delay = wait;
  config.stamps = !options.no_stamps;
  config.greet = options.console;
  config.console = [](std::string_view line) { fmt::print(stderr, "guest: {}\n", viewer::printable(line)); };
  for (const std::string& kind : options.disturbances)
    (kind == "wake" ? config.disturb.wake : config.disturb.deliver_twice) = true;
  if (options.wait_bound) {
    const std::uint32_t bound = *options.wait_bound;
    config.waits = {
        .rounds = bound, .at_least = std::chrono::seconds(0), .wakes = bound, .quiet_polls = bound};
  }
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

void print_disturbances(const RunOptions& options, const RunOutcome& outcome) {
  if (options.disturbances.empty()) return;
  std::uint64_t woken = 0;
  std::uint64_t twice = 0;
  for (const vmm::VcpuOutcome& vcpu : outcome.vcpus) {
    woken += vcpu.woken_for_nothing;
    twice += vcpu.delivered_twice;
  }
  fmt::print(stderr,
             "trapline: disturbed: {} halts ended without an interrupt, {} interrupts delivered twice\n",
             woken, twice);
}

// Of all threads of this process: guest, VMM and recorder, and what the kernel does for them, the probes
// included.
std::uint64_t processor_time_ns() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(used.tv_nsec);
}

Result<ExitStatus> run_untraced(const vmm::Kvm& kvm, vmm::MachineConfig config, const RunOptions& options,
                                const std::atomic<bool>& stop) {
  vmm::Observer nobody;
  TRAPLINE_ASSIGN(machine, vmm::Machine::create(kvm, std::move(config)));
  const std::uint64_t begin_ns = processor_time_ns();
  TRAPLINE_ASSIGN(outcome, machine.run(nobody, stop));
  fmt::print("untraced; processor time of the run: {} ns\n", processor_time_ns() - begin_ns);
  print_disturbances(options, outcome);
  return status_of(outcome);
}

Result<ExitStatus> run(const RunOptions& options) {
  TRAPLINE_ASSIGN(config, machine_config(options));
  std::atomic<bool>& stop = stop_on_signals();
  if (options.no_trace) {
    TRAPLINE_ASSIGN(kvm, vmm::Kvm::open());
    return run_untraced(kvm, std::move(config), options, stop);
  }

  TRAPLINE_ASSIGN(place, RecordingPlace::choose(options.folder));
  TRAPLINE_ASSIGN(kvm, vmm::Kvm::open());
  ProbeOptions probing;
  probing.recorder.ring_records = options.ring_records;
  probing.light = options.light;
  TRAPLINE_ASSIGN(probes, attach_probes(options.no_probe_cost ? nullptr : &kvm, probing));
  const std::uint64_t begin_ns = processor_time_ns();
  TRAPLINE_ASSIGN(outcome,
                  record_run(kvm, probes, {place.folder, std::move(config), options.command_line}, stop));
  const std::uint64_t used_ns = processor_time_ns() - begin_ns;
  print_disturbances(options, outcome);
  if (!options.quiet) TRAPLINE_TRY(print_report(place.folder, options.json));
  if (options.quiet) fmt::print("recorded; processor time of the run: {} ns\n", used_ns);
  if (!place.temporary && !options.json)
    fmt::print("{}recording: {}\n", options.quiet ? "" : "\n", place.folder.string());
  return status_of(outcome);
}

template <typename Table>
std::string names_of(const Table& table) {
  std::string names;
  for (const auto& entry : table)
    names += fmt::format("\n  {:<14} {}", entry.name, entry.summary);
  return names;
}

}  // namespace

Subcommand add_run(CLI::App& program) {
  auto options = std::make_shared<RunOptions>();
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
  app->add_option("--wait", options->wait,
                  "From arming a timer or device to its interrupt, 1us to 1s; doubled for an event for as "
                  "long as it comes before the guest is back where it waits")
      ->capture_default_str();
  add_ring_option(*app, options->ring_records);
  app->add_flag("--no-trace", options->no_trace, "Run without recording: no rights for BPF are needed");
  add_light_option(*app, options->light);
  add_no_probe_cost_option(*app, options->no_probe_cost);
  app->add_flag("-q,--quiet", options->quiet, "Record only: do not print the report");
  app->add_flag("--no-stamps", options->no_stamps, "The guest writes no stamps: bare loops");
  app->add_flag("--console", options->console, "The guest greets on its serial console, which causes exits");
  app->add_flag("--json", options->json, "Print the report as JSON (docs/report.md)");
  // For the tests: what a faulty machine below does to the guest, and bounds of waits that do not take
  // minutes.
  app->add_option("--disturb", options->disturbances)
      ->delimiter(',')
      ->check(CLI::IsMember({"wake", "twice"}))
      ->group("");
  app->add_option("--wait-bound", options->wait_bound)->check(CLI::Range(1u, 1'000'000u))->group("");
  return {app, [options, app] {
            options->command_line = command_line_of(*app);
            return run(*options);
          }};
}

}  // namespace trapline::cli
