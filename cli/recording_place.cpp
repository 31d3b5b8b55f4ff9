#include "cli/recording_place.h"

#include <utility>

#include "tracer/recording/writer.h"

namespace trapline::cli {

Result<RecordingPlace> RecordingPlace::choose(const std::string& asked) {
  if (!asked.empty()) {
    TRAPLINE_TRY(recording::RecordingWriter::check_place(asked, recording::IfExists::replace));
    return RecordingPlace{std::nullopt, asked};
  }
  TRAPLINE_ASSIGN(made, TemporaryFolder::create());
  std::filesystem::path folder = made.path() / "recording";
  return RecordingPlace{std::move(made), std::move(folder)};
}

}  // namespace trapline::cli
