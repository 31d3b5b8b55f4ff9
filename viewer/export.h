// A recording, or a part of it, in a format that other tools open.
#pragma once

#include <span>

#include "base/result.h"
#include "tracer/recording/reader.h"
#include "tracer/timeline/sink.h"
#include "viewer/output/text_sink.h"
#include "viewer/rows/timeline_tables.h"

namespace trapline::viewer {

struct Export {
  const recording::RecordingReader& reader;
  tracer::TimelineWindow::Limits limits;
  TimelineTable table = TimelineTable::exits;  // of a format that has one only
};

struct ExportFormat {
  const char* name;  // "chrome"
  const char* what;  // for a help text
  // Reads the recording once, or once for each table; memory does not grow with it. Fails as
  // stream_timeline() does, and where the sink fails.
  Status (*write)(const Export& what, TextSink& sink);
};

[[nodiscard]] std::span<const ExportFormat> export_formats();

}  // namespace trapline::viewer
