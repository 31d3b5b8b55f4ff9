// --from, --to, --vcpu and --vm: the part of a timeline that a subcommand is to show.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "tracer/recording/reader.h"
#include "tracer/timeline/sink.h"

namespace trapline::cli {

struct WindowOptions {
  std::string from;
  std::string to;
  std::vector<std::uint16_t> vcpus;  // as KVM numbers them
  std::vector<std::uint16_t> vms;    // as the recording numbers them

  [[nodiscard]] bool given() const { return !from.empty() || !to.empty() || !vcpus.empty() || !vms.empty(); }
};

// `options` must outlive the parsing.
void add_window_options(CLI::App& app, WindowOptions& options);

[[nodiscard]] Result<tracer::TimelineWindow::Limits> window_of(const WindowOptions& options,
                                                               const recording::RecordingReader& reader);

}  // namespace trapline::cli
