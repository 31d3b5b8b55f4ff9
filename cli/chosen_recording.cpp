#include "cli/chosen_recording.h"

#include <fmt/core.h>

#include "analysis/summary.h"
#include "viewer/json/report_json.h"
#include "viewer/tables/report_table.h"

namespace trapline::cli {

Result<ChosenRecording> open_recording(const std::filesystem::path& folder) {
  TRAPLINE_ASSIGN(reader, recording::RecordingReader::open(folder));
  TRAPLINE_ASSIGN(timeline, tracer::build_timeline(reader));
  return ChosenRecording{std::move(reader), std::move(timeline)};
}

Status print_report(const std::filesystem::path& folder, bool json) {
  TRAPLINE_ASSIGN(reader, recording::RecordingReader::open(folder));
  TRAPLINE_ASSIGN(summary, analysis::summarize(reader));
  if (!json) {
    fmt::print("{}", viewer::report_text(summary));
    return {};
  }
  // A recording's strings may hold any bytes; what is not UTF-8 becomes U+FFFD.
  constexpr auto replace = nlohmann::json::error_handler_t::replace;
  fmt::print("{}\n", viewer::report_json(summary).dump(2, ' ', false, replace));
  return {};
}

}  // namespace trapline::cli
