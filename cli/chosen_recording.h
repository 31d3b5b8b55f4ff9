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

[[nodiscard]] Result<ChosenRecording> open_recording(const std::filesystem::path& folder);

// The report on standard output, as tables or as JSON.
void print_report(const ChosenRecording& chosen, bool json);

}  // namespace trapline::cli
