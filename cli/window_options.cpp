#include "cli/window_options.h"

#include <fmt/format.h>

#include "cli/chosen_recording.h"
#include "cli/time_argument.h"

namespace trapline::cli {

void add_window_options(CLI::App& app, WindowOptions& options) {
  app.add_option("--from", options.from,
                 "Leave out what ended before: 1.5ms, 200us, 3s, or nanoseconds, from the trace's start");
  app.add_option("--to", options.to, "Leave out what began after");
  add_vcpu_options(app, options.vcpus, options.vms);
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
  TRAPLINE_ASSIGN(vcpus, chosen_vcpus(reader, options.vcpus, options.vms));
  limits.vcpus = std::move(vcpus);
  return limits;
}

}  // namespace trapline::cli
