// The recording that a subcommand was pointed at, opened and made into a timeline and figures.
#pragma once

#include <filesystem>

#include "base/result.h"
#include "tracer/recording/reader.h"
#include "tracer/timeline/timeline.h"

namespace trapline::cli {

struct ChosenRecording {
  recording::RecordingReader reader;
  tracer::Timeline timeline;
};

// With the whole timeline in memory: for recordings known to be short.
[[nodiscard]] Result<ChosenRecording> open_recording(const std::filesystem::path& folder);

// The report of any recording on standard output, as tables or as JSON.
[[nodiscard]] Status print_report(const std::filesystem::path& folder, bool json);

}  // namespace trapline::cli
