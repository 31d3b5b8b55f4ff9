#include "cli/window_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/time_argument.h"

namespace trapline::cli {

void add_window_options(CLI::App& app, WindowOptions& options) {
  app.add_option("--from", options.from,
                 "Leave out what ended before: 1.5ms, 200us, 3s, or nanoseconds, from the trace's start");
  app.add_option("--to", options.to, "Leave out what began after");
  app.add_option("--vcpu", options.vcpus, "These vCPUs only: N,..")->delimiter(',');
}

Result<tracer::TimelineWindow::Limits> window_of(const WindowOptions& options,
                                                 const recording::RecordingReader& reader) {
  tracer::TimelineWindow::Limits limits;
  if (!options.from.empty()) {
    TRAPLINE_ASSIGN(from, parse_time(options.from, "--from"));
    limits.from_ns = from;
  }
  if (!options.to.empty()) {
    TRAPLINE_ASSIGN(to, parse_time(options.to, "--to"));
    limits.to_ns = to;
  }
  if (limits.to_ns < limits.from_ns) {
    return fail(fmt::format("--to {} lies before --from {}", options.to, options.from), {},
                ExitStatus::wrong_usage);
  }
  for (const std::uint16_t vcpu : options.vcpus) {
    const auto& known = reader.vcpus();
    if (std::ranges::any_of(known, [vcpu](const auto& started) { return started.vcpu == vcpu; })) continue;
    return fail(fmt::format("{} has no vCPU {}", reader.folder().string(), vcpu),
                fmt::format("it has {} vCPUs, counted from 0", known.size()), ExitStatus::wrong_usage);
  }
  limits.vcpus = options.vcpus;
  return limits;
}

}  // namespace trapline::cli
