// One HTML file that explains recordings: the page's own program and style, which are part of this one, and
// between them the data. It asks nobody for anything: its Content-Security-Policy allows no request, and
// runs no script but the one whose hash it names.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "tracer/recording/reader.h"
#include "tracer/timeline/sink.h"
#include "viewer/web/examples.h"
#include "viewer/web/packed_timeline.h"

namespace trapline::viewer {

// What a page can hold and a browser still shows with ease. An item is a row of any of the timeline's tables.
struct PageLimits {
  std::uint64_t items = 50'000'000;
};

struct RecordingPage {
  const recording::RecordingReader& reader;
  tracer::TimelineWindow::Limits window;
  std::uint64_t sample = 1;  // of so many stretches of time one is kept (sampled_timeline.h)
  PageLimits limits;
};

struct PageSize {
  PackedCounts counts;
  std::uint64_t bytes = 0;
};

// Reads the recording twice: for the figures and for the timeline. Fails where it is too long for a page, and
// says which part would do.
[[nodiscard]] Result<PageSize> write_recording_page(const RecordingPage& what, TextSink& sink);

// `comparison`: trapline.compare/1.
[[nodiscard]] Status write_compare_page(const nlohmann::json& comparison, const Examples& examples,
                                        TextSink& sink);

}  // namespace trapline::viewer
