// The recording that a subcommand was pointed at, opened and made into a timeline and figures.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <vector>

#include "analysis/summary.h"
#include "base/result.h"
#include "tracer/recording/reader.h"
#include "tracer/timeline/timeline.h"
#include "viewer/report_view.h"

namespace trapline::cli {

struct ChosenRecording {
  recording::RecordingReader reader;
  tracer::Timeline timeline;
};

// With the whole timeline in memory: for recordings known to be short.
[[nodiscard]] Result<ChosenRecording> open_recording(const std::filesystem::path& folder);

struct ReportChoice {
  bool json = false;
  analysis::SummaryOptions figures;
  viewer::ReportView view;
};

// The report of any recording on standard output, as tables or as JSON.
[[nodiscard]] Status print_report(const recording::RecordingReader& reader, const ReportChoice& choice);
[[nodiscard]] Status print_report(const std::filesystem::path& folder, bool json);

// --vcpu and --vm, the same wherever a recording is read.
void add_vcpu_options(CLI::App& app, std::vector<std::uint16_t>& vcpus, std::vector<std::uint16_t>& vms);

// Which vCPUs of a recording are meant, by their numbers in it. `vcpus`: KVM's numbers, of every VM; `vms`:
// numbers of VMs; none named: all. An error where the recording has none of a number.
[[nodiscard]] Result<std::vector<std::uint16_t>> chosen_vcpus(const recording::RecordingReader& reader,
                                                              const std::vector<std::uint16_t>& vcpus,
                                                              const std::vector<std::uint16_t>& vms);

}  // namespace trapline::cli
