// trapline compare: the same workloads over each delivery path, in turn, in one run of the program.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analysis/compare.h"
#include "analysis/completeness.h"
#include "base/file.h"
#include "cli/chosen_recording.h"
#include "cli/command_line.h"
#include "cli/fd_sink.h"
#include "cli/recorded_run.h"
#include "cli/stop_signals.h"
#include "cli/subcommands.h"
#include "cli/temporary_folder.h"
#include "cli/this_machine.h"
#include "native/native_path.h"
#include "tracer/clock/host_clock.h"
#include "viewer/json/compare_json.h"
#include "viewer/tables/compare_table.h"
#include "viewer/web/page.h"
#include "vmm/paths/paths.h"
#include "vmm/paths/workloads.h"

namespace trapline::cli {
namespace {

using analysis::Cell;
using analysis::Comparison;

constexpr std::string_view kNative = "native";
// Events of each cell and round that are run and not counted: caches, TLBs and branch predictors are cold.
constexpr std::uint32_t kWarmUp = 20;
constexpr std::uint32_t kStampEvents = 200;
constexpr std::uint32_t kRingRecords = 1u << 15;
// From arming to the interrupt. An emulated machine whose time is not counted is too slow for the short one.
constexpr std::chrono::microseconds kDelay{200};
constexpr std::chrono::microseconds kDelayEmulated{1000};

struct CompareOptions {
  std::vector<std::string> paths;
  std::vector<std::string> workloads;
  std::uint32_t events = 500;
  std::uint32_t rounds = 5;
  std::string json;
  std::string html;
  std::string folder;
  std::string command_line;
};

struct Plan {
  std::vector<std::string> paths;
  std::vector<const vmm::WorkloadEntry*> workloads;
  std::uint32_t events_per_round = 0;
};

Result<Plan> plan(const CompareOptions& options) {
  Plan plan;
  for (const std::string& name : options.paths) {
    if (std::find(plan.paths.begin(), plan.paths.end(), name) != plan.paths.end()) continue;
    if (name != kNative) {
      auto path = vmm::find_path(name);
      if (!path) {
        path.error().remedy += ", native";
        return tl::unexpected(path.error());
      }
    }
    plan.paths.push_back(name);
  }
  for (const std::string& name : options.workloads) {
    TRAPLINE_ASSIGN(entry, vmm::find_workload(name));
    if (entry->for_tests_only)
      return fail("workload " + name + " crashes its guest on purpose or is a test's: it cannot be compared",
                  {}, ExitStatus::wrong_usage);
    if (std::find(plan.workloads.begin(), plan.workloads.end(), entry) == plan.workloads.end())
      plan.workloads.push_back(entry);
  }
  plan.events_per_round = (options.events + options.rounds - 1) / options.rounds;
  return plan;
}

std::vector<std::string> all_paths() {
  std::vector<std::string> names = {std::string(kNative)};
  for (const auto& path : vmm::paths())
    names.emplace_back(path.name);
  return names;
}

std::vector<std::string> all_workloads() {
  std::vector<std::string> names;
  for (const auto& entry : vmm::workloads()) {
    if (!entry.for_tests_only && entry.workload != GUEST_WORKLOAD_STAMPS) names.emplace_back(entry.name);
  }
  return names;
}

// Nothing when the workload can run on the path on this machine.
std::optional<std::string> reason_against(const std::string& path, guest_workload workload) {
  if (path == kNative) return native::cannot_run(workload);
  if (workload == GUEST_WORKLOAD_IPI && ::sysconf(_SC_NPROCESSORS_ONLN) < 2)
    return "it needs two processors, and this machine has one";
  return vmm::find_path(path).value()->create()->cannot_run(workload);
}

Comparison empty_comparison(const Plan& plan, const CompareOptions& options) {
  Comparison comparison;
  comparison.paths = plan.paths;
  comparison.rounds = options.rounds;
  comparison.warm_up = kWarmUp;
  comparison.emulator = emulator_of_this_machine();
  for (const vmm::WorkloadEntry* entry : plan.workloads) {
    comparison.workloads.push_back({std::string(entry->name), std::string(entry->summary)});
    for (const std::string& path : plan.paths) {
      Cell cell;
      cell.path = path;
      cell.workload = entry->name;
      cell.waits = entry->waits;
      cell.round_trip_only = path == kNative;
      cell.skipped = reason_against(path, entry->workload);
      comparison.cells.push_back(std::move(cell));
    }
  }
  return comparison;
}

Cell& cell_of(Comparison& comparison, std::string_view path, std::string_view workload) {
  return *const_cast<Cell*>(std::as_const(comparison).find(path, workload));
}

class Rounds {
 public:
  Rounds(const Plan& plan, const vmm::Kvm& kvm, AttachedProbes& probes, std::atomic<bool>& stop,
         std::filesystem::path folder, bool kept, std::string command_line, Comparison& comparison,
         viewer::Examples* examples)
      : plan_(plan),
        kvm_(kvm),
        probes_(probes),
        stop_(stop),
        folder_(std::move(folder)),
        kept_(kept),
        command_line_(std::move(command_line)),
        comparison_(comparison),
        examples_(examples) {}

  Status run(std::uint32_t rounds) {
    TRAPLINE_TRY(measure_stamps());
    for (std::uint32_t round = 0; round < rounds; ++round) {
      for (const std::string& path : plan_.paths) {
        tell(round, rounds, path);
        TRAPLINE_TRY(path == kNative ? native_round() : guest_round(path, round));
        if (stop_) return fail("interrupted: a comparison of part of the rounds would be no comparison");
      }
    }
    tell_done();
    return {};
  }

 private:
  // A line that is written over, where somebody watches.
  static void tell(std::uint32_t round, std::uint32_t rounds, const std::string& path) {
    if (::isatty(STDERR_FILENO) == 1)
      fmt::print(stderr, "\r\x1b[Kround {} of {}: {}", round + 1, rounds, path);
  }
  static void tell_done() {
    if (::isatty(STDERR_FILENO) == 1) fmt::print(stderr, "\r\x1b[K");
  }

  [[nodiscard]] vmm::MachineConfig config(const std::string& path) const {
    vmm::MachineConfig config;
    config.path = path;
    const bool slow = probes_.info.time_kind == recording::TimeKind::emulated;
    config.timer_delay = config.doorbell_delay = slow ? kDelayEmulated : kDelay;
    return config;
  }

  Result<ChosenRecording> record(vmm::MachineConfig config, const std::filesystem::path& folder) {
    const std::string path = config.path;
    TRAPLINE_ASSIGN(outcome, record_run(kvm_, probes_, {folder, std::move(config), command_line_}, stop_));
    if (outcome.end == vmm::RunOutcome::End::guest_crashed)
      return fail("the guest crashed on path " + path + "\n" + outcome.crash_report);
    TRAPLINE_ASSIGN(chosen, open_recording(folder));
    comparison_.records_lost += analysis::completeness_of(chosen.reader).records_lost;
    comparison_.clock_bound_ns = std::max(comparison_.clock_bound_ns, chosen.timeline.clock_bound_ns);
    return std::move(chosen);
  }

  Status measure_stamps() {
    auto stamps = config(std::string(analysis::kBasePath));
    stamps.workloads = {{GUEST_WORKLOAD_STAMPS, kWarmUp + kStampEvents}};
    const auto folder = folder_ / "stamps";
    TRAPLINE_ASSIGN(chosen, record(std::move(stamps), folder));
    if (!chosen.timeline.vcpus.empty())
      comparison_.stamp_cost =
          analysis::stamp_cost(chosen.timeline.vcpus.front(), GUEST_WORKLOAD_STAMPS, kWarmUp);
    forget(folder);
    return {};
  }

  // All workloads in one machine, but IPIs: a second vCPU would disturb the others.
  Status guest_round(const std::string& path, std::uint32_t round) {
    std::vector<const vmm::WorkloadEntry*> alone;
    std::vector<const vmm::WorkloadEntry*> paired;
    for (const vmm::WorkloadEntry* entry : plan_.workloads) {
      if (cell_of(comparison_, path, entry->name).skipped) continue;
      (entry->workload == GUEST_WORKLOAD_IPI ? paired : alone).push_back(entry);
    }
    TRAPLINE_TRY(guest_run(path, round, alone, 1, folder_ / fmt::format("{}-{}", path, round)));
    return guest_run(path, round, paired, 2, folder_ / fmt::format("{}-ipi-{}", path, round));
  }

  Status guest_run(const std::string& path, std::uint32_t round,
                   const std::vector<const vmm::WorkloadEntry*>& entries, std::uint32_t vcpus,
                   const std::filesystem::path& folder) {
    if (entries.empty() || stop_) return {};
    auto machine = config(path);
    machine.vcpus = vcpus;
    for (const vmm::WorkloadEntry* entry : entries)
      machine.workloads.push_back({entry->workload, kWarmUp + plan_.events_per_round});
    const auto chosen = record(std::move(machine), folder);
    if (!chosen && chosen.error().status == ExitStatus::machine_lacks) {
      for (const vmm::WorkloadEntry* entry : entries)
        cell_of(comparison_, path, entry->name).skipped = chosen.error().what;
      return {};
    }
    if (!chosen) return tl::unexpected(chosen.error());
    for (const vmm::WorkloadEntry* entry : entries) {
      Cell& cell = cell_of(comparison_, path, entry->name);
      for (const auto& vcpu : chosen->timeline.vcpus)
        analysis::add_events(cell, vcpu, static_cast<std::uint16_t>(entry->workload), kWarmUp);
      if (kept_) cell.recordings.push_back(folder.string());
    }
    if (examples_ != nullptr && round == 0) {
      std::vector<std::string> names;
      names.reserve(entries.size());
      for (const vmm::WorkloadEntry* entry : entries)
        names.emplace_back(entry->name);
      TRAPLINE_TRY(examples_->add(path, names, kWarmUp, chosen->reader));
    }
    forget(folder);
    return {};
  }

  Status native_round() {
    for (const vmm::WorkloadEntry* entry : plan_.workloads) {
      Cell& cell = cell_of(comparison_, kNative, entry->name);
      if (cell.skipped) continue;
      const auto before = tracer::take_clock_sample();
      TRAPLINE_ASSIGN(trips, native::run(entry->workload, kWarmUp + plan_.events_per_round));
      TRAPLINE_ASSIGN(clock, tracer::HostClock::through({before, tracer::take_clock_sample()}));
      for (std::size_t i = kWarmUp; i < trips.size(); ++i) {
        const double ticks = static_cast<double>(trips[i].end.value - trips[i].begin.value);
        const auto ns = static_cast<std::uint64_t>(std::llround(ticks * clock.ns_per_tick()));
        cell.round_trip.add(ns);
        cell.cost.add(ns);
        ++cell.events;
      }
    }
    return {};
  }

  void forget(const std::filesystem::path& folder) const {
    std::error_code ignored;
    if (!kept_) std::filesystem::remove_all(folder, ignored);
  }

  const Plan& plan_;
  const vmm::Kvm& kvm_;
  AttachedProbes& probes_;
  std::atomic<bool>& stop_;
  std::filesystem::path folder_;
  bool kept_;
  std::string command_line_;
  Comparison& comparison_;
  viewer::Examples* examples_;  // of the first round, if they are wanted
};

// A cell that should have events and has none must not look like one.
void explain_empty_cells(Comparison& comparison) {
  for (Cell& cell : comparison.cells) {
    if (cell.skipped || cell.events != 0) continue;
    cell.skipped = fmt::format("no event was recorded whole ({} in part)", cell.incomplete);
  }
}

Result<std::optional<NewFile>> new_file(const std::string& name) {
  if (name.empty()) return std::nullopt;
  TRAPLINE_ASSIGN(file, NewFile::create(name));
  return std::optional<NewFile>(std::move(file));
}

Status write_json(NewFile& file, const std::string& name, const Comparison& comparison) {
  constexpr auto replace = nlohmann::json::error_handler_t::replace;
  const std::string text = viewer::compare_json(comparison).dump(2, ' ', false, replace) + "\n";
  TRAPLINE_TRY(write_all(file.fd(), std::as_bytes(std::span(text)), name));
  return file.keep();
}

Result<ExitStatus> compare(const CompareOptions& options) {
  TRAPLINE_ASSIGN(chosen, plan(options));
  TRAPLINE_ASSIGN(kvm, vmm::Kvm::open());
  // Made first: a result that cannot be written is not worth the wait.
  TRAPLINE_ASSIGN(json, new_file(options.json));
  TRAPLINE_ASSIGN(html, new_file(options.html));
  std::optional<TemporaryFolder> temporary;
  std::filesystem::path folder = options.folder;
  if (folder.empty()) {
    TRAPLINE_ASSIGN(made, TemporaryFolder::create());
    folder = made.path();
    temporary.emplace(std::move(made));
  }
  std::atomic<bool>& stop = stop_on_signals();
  ProbeOptions probing;
  probing.recorder.ring_records = kRingRecords;
  TRAPLINE_ASSIGN(probes, attach_probes(&kvm, probing));
  Comparison comparison = empty_comparison(chosen, options);
  comparison.info = probes.info;
  comparison.info.command_line = options.command_line;
  comparison.probe_cost = probes.cost;
  viewer::Examples examples;
  Rounds rounds(chosen, kvm, probes, stop, folder, !temporary, options.command_line, comparison,
                html ? &examples : nullptr);
  TRAPLINE_TRY(rounds.run(options.rounds));
  explain_empty_cells(comparison);

  fmt::print("{}", viewer::compare_text(comparison));
  if (json) TRAPLINE_TRY(write_json(*json, options.json, comparison));
  if (html) {
    FdSink sink(html->fd(), options.html);
    TRAPLINE_TRY(viewer::write_compare_page(viewer::compare_json(comparison), examples, sink));
    TRAPLINE_TRY(html->keep());
  }
  return ExitStatus::done;
}

}  // namespace

Subcommand add_compare(CLI::App& program) {
  auto options = std::make_shared<CompareOptions>();
  options->paths = all_paths();
  options->workloads = all_workloads();
  CLI::App* app = program.add_subcommand("compare", "The same work over each delivery path, side by side");
  app->add_option("--paths", options->paths,
                  "Delivery paths, see trapline run --help; native: the host's own Linux, without a VM")
      ->delimiter(',')
      ->capture_default_str();
  app->add_option("--workloads", options->workloads, "What the guests do, see trapline run --help")
      ->delimiter(',')
      ->capture_default_str();
  app->add_option("-n", options->events, "Events of each cell, over all rounds")
      ->check(CLI::Range(1u, 10'000'000u))
      ->capture_default_str();
  app->add_option("--rounds", options->rounds, "Rounds in which the paths take turns, so that drift hits all")
      ->check(CLI::Range(1u, 1000u))
      ->capture_default_str();
  app->add_option("--json", options->json,
                  "File for the result as JSON (docs/compare.md), replaced if it exists");
  app->add_option("--html", options->html,
                  "File for the result as a page with an example timeline of each cell (docs/view.md), "
                  "replaced if it exists");
  app->add_option("-o", options->folder,
                  "Folder to keep each round's recording in, PATH-ROUND; for report and export");
  return {app, [options, app] {
            options->command_line = command_line_of(*app);
            return compare(*options);
          }};
}

}  // namespace trapline::cli
