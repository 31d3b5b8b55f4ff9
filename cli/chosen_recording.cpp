#include "cli/chosen_recording.h"

namespace trapline::cli {

Result<ChosenRecording> open_recording(const std::filesystem::path& folder) {
  TRAPLINE_ASSIGN(reader, recording::RecordingReader::open(folder));
  TRAPLINE_ASSIGN(timeline, tracer::build_timeline(reader));
  return ChosenRecording{std::move(reader), std::move(timeline)};
}

}  // namespace trapline::cli
