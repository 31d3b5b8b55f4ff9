// trapline top: what the VMs of this host exit for, now.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/privileges.h"
#include "cli/exit_filter.h"
#include "cli/record_targets.h"
#include "cli/stop_signals.h"
#include "cli/subcommands.h"
#include "cli/terminal.h"
#include "cli/this_machine.h"
#include "cli/time_argument.h"
#include "tracer/clock/sample.h"
#include "tracer/live/live_probes.h"
#include "tracer/live/live_sampler.h"
#include "tracer/recorder/mode_support.h"
#include "viewer/json/top_json.h"
#include "viewer/tables/top_screen.h"

namespace trapline::cli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

struct TopOptions {
  TargetArguments targets;
  tracer::LiveOptions live;
  std::string view = "reason";
  std::string sort = "time";
  std::string interval = "1s";
  std::uint64_t iterations = 0;  // 0: until it is stopped
  bool batch = false;
  bool json = false;
};

// The probes, and what they have told up to now.
struct Source {
  tracer::LiveProbes probes;
  tracer::LiveSampler sampler;
  recording::TimeKind time;

  Result<tracer::LiveInterval> next() {
    TRAPLINE_ASSIGN(reading, probes.read());
    return sampler.next(reading);
  }
};

// --view and --sort as the keys would have set them.
Result<viewer::TopState> state_from(const TopOptions& options) {
  viewer::TopState state;
  for (const tracer::LiveViewRow& row : tracer::kLiveViews) {
    if (row.name == options.view) state.view = row.view;
  }
  for (std::size_t i = 0; i < viewer::kTopSorts.size(); ++i) {
    if (viewer::kTopSorts[i] == options.sort) state.sort = static_cast<viewer::TopSort>(i);
  }
  TRAPLINE_ASSIGN(interval_ns, parse_time(options.interval, "--interval", "s"));
  constexpr std::uint64_t kShortest_ns = 10'000'000;
  constexpr std::uint64_t kLongest_ns = 3'600'000'000'000;
  if (interval_ns < kShortest_ns || interval_ns > kLongest_ns) {
    return fail(fmt::format("--interval {}: not between 10ms and 1h", options.interval),
                "give another, such as 1s or 200ms", ExitStatus::wrong_usage);
  }
  state.interval_ms = static_cast<std::uint32_t>(interval_ns / 1'000'000);
  return state;
}

Status print_interval(const tracer::LiveInterval& interval, const TopOptions& options,
                      const viewer::TopState& state, recording::TimeKind time) {
  const std::string text = options.json ? viewer::top_json(interval, time) + "\n"
                                        : viewer::top_block(interval, state, time) + "\n";
  // Whole lines at once, also into a pipe.
  if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0)
    return fail(system_error("write", "standard output", errno));
  return {};
}

void sleep_until(Clock::time_point time, const std::atomic<bool>& stop) {
  while (!stop) {
    const auto left = std::chrono::duration_cast<milliseconds>(time - Clock::now());
    if (left.count() <= 0) return;
    // A signal ends it; one that came just before is seen a little later.
    ::poll(nullptr, 0, static_cast<int>(std::min<std::int64_t>(left.count(), 200)));
  }
}

// One block or line for each interval. What came in the interval that a signal, or the VMs' end, cuts short
// is told, too.
Status run_batch(Source& source, const TopOptions& options, const viewer::TopState& state,
                 const RecordTargets& targets, const std::atomic<bool>& stop) {
  auto due = Clock::now();
  bool over = false;
  for (std::uint64_t done = 0; !over && (options.iterations == 0 || done < options.iterations); ++done) {
    due += milliseconds(state.interval_ms);
    sleep_until(due, stop);
    over = stop || targets.all_ended();
    TRAPLINE_ASSIGN(interval, source.next());
    TRAPLINE_TRY(print_interval(interval, options, state, source.time));
  }
  return {};
}

milliseconds until(Clock::time_point time) {
  return std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(time - Clock::now()));
}

Status run_live(Source& source, const TopOptions& options, viewer::TopState state,
                const RecordTargets& targets, const std::atomic<bool>& stop) {
  TRAPLINE_ASSIGN(terminal, Terminal::take());
  std::optional<tracer::LiveInterval> shown;
  auto last = Clock::now();
  std::uint64_t done = 0;
  while (!state.quit && !stop) {
    const auto screen = viewer::top_screen(shown ? &*shown : nullptr, state, source.time, terminal.size());
    TRAPLINE_TRY(terminal.show(screen));
    TRAPLINE_ASSIGN(keys, terminal.wait_for_keys(until(last + milliseconds(state.interval_ms))));
    for (const char key : keys)
      state = viewer::pressed(state, key);
    if (Clock::now() < last + milliseconds(state.interval_ms)) continue;
    last = Clock::now();
    TRAPLINE_ASSIGN(interval, source.next());
    if (!state.paused) shown = std::move(interval);
    if (++done == options.iterations || targets.all_ended()) break;
  }
  return {};
}

Result<ExitStatus> top(TopOptions options) {
  TRAPLINE_ASSIGN(state, state_from(options));
  const bool live = !options.batch && !options.json;
  if (live && !have_terminal()) {
    return fail("standard input and output are not a terminal on which a screen can be shown",
                "use --batch for blocks of text, or --json for a line of JSON each interval",
                ExitStatus::wrong_usage);
  }
  if (options.targets.pids.empty() && options.targets.names.empty()) options.targets.all = true;
  const auto kernel = tracer::look_at_kernel();
  TRAPLINE_TRY(tracer::check_recording_possible(kernel));
  TRAPLINE_ASSIGN(targets, RecordTargets::find(options.targets));
  options.live.scope = targets.scope();
  std::atomic<bool>& stop = stop_on_signals();
  TRAPLINE_ASSIGN(probes, tracer::LiveProbes::attach(options.live, kernel));
  const tracer::LiveSampler sampler(tracer::take_clock_sample(1).ns.value);
  Source source{std::move(probes), sampler, time_kind_of_this_machine()};
  TRAPLINE_TRY(targets.select(source.probes));
  TRAPLINE_TRY(drop_privileges());
  TRAPLINE_TRY(live ? run_live(source, options, state, targets, stop)
                    : run_batch(source, options, state, targets, stop));
  return ExitStatus::done;
}

template <typename Rows, typename Name>
std::vector<std::string> names_in(const Rows& rows, Name name) {
  std::vector<std::string> names;
  names.reserve(std::size(rows));
  for (const auto& row : rows)
    names.emplace_back(name(row));
  return names;
}

std::string complaint_about_rows(const std::string& text) {
  const unsigned long value = std::strtoul(text.c_str(), nullptr, 10);
  const bool good = value >= 16 && value <= 1u << 20 && (value & (value - 1)) == 0;
  return good ? std::string{} : std::string("must be a power of two from 16 to 1048576");
}

}  // namespace

Subcommand add_top(CLI::App& program) {
  auto options = std::make_shared<TopOptions>();
  CLI::App* app = program.add_subcommand("top", "Show live what the VMs of this host exit for");
  app->add_option("-p,--pid", options->targets.pids, "VMs of these processes only")->delimiter(',');
  app->add_option("--vm", options->targets.names, "VMs of these names only, as record --list shows them")
      ->delimiter(',');
  app->add_flag("--all", options->targets.all, "Every VM, those that start meanwhile too (the default)");
  add_vcpu_option(*app, options->live.vcpus);
  app->add_option("--view", options->view, "What to show first, or in blocks of text")
      ->check(CLI::IsMember(names_in(tracer::kLiveViews, [](const auto& row) { return row.name; })))
      ->capture_default_str();
  app->add_option("--sort", options->sort, "By what lines are sorted")
      ->check(CLI::IsMember(names_in(viewer::kTopSorts, [](std::string_view name) { return name; })))
      ->capture_default_str();
  app->add_option("--interval", options->interval, "How often: 1s, 200ms")->capture_default_str();
  app->add_option("-n,--iterations", options->iterations, "End after so many intervals");
  app->add_flag("--batch", options->batch, "Print blocks of text instead of a screen");
  app->add_flag("--json", options->json, "Print a line of JSON each interval (trapline.top/1)");
  app->add_option("--rows", options->live.rows,
                  "Kinds of exits and vectors of all vCPUs that are told apart, a power of two")
      ->check(CLI::Validator(complaint_about_rows, "POWER OF TWO"))
      ->capture_default_str();
  std::string keys = "Keys:";
  for (const tracer::LiveViewRow& row : tracer::kLiveViews)
    keys += fmt::format(" {} {},", row.key, row.plural);
  app->footer(keys + " s sort, space pause, + - interval, h help, q quit.");
  return {app, [options] { return top(*options); }};
}

}  // namespace trapline::cli
