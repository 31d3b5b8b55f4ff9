#include "viewer/export.h"

#include <array>

#include "viewer/csv/csv_table.h"
#include "viewer/json/chrome_trace.h"
#include "viewer/json/timeline_json.h"
#include "viewer/lanes/timeline_slices.h"
#include "viewer/perfetto/perfetto_trace.h"
#include "viewer/rows/timeline_rows.h"

namespace trapline::viewer {
namespace {

// One pass over the recording.
Status play(const Export& what, tracer::TimelineSink& sink) {
  tracer::TimelineWindow window(sink, what.limits);
  return tracer::stream_timeline(what.reader, window);
}

// The tables follow one another in the document, so each takes a pass.
Status export_timeline(const Export& what, TextSink& sink) {
  TRAPLINE_ASSIGN(head, tracer::read_timeline_head(what.reader));
  TimelineJson writer(what.reader, head, what.limits, sink);
  for (std::size_t i = 0; i < kTimelineTables && !writer.failed(); ++i) {
    TimelineRows rows(static_cast<TimelineTable>(i), writer);
    TRAPLINE_TRY(play(what, rows));
  }
  return writer.finish();
}

Status export_chrome(const Export& what, TextSink& sink) {
  Labels labels;
  ChromeTrace writer(what.reader.info(), labels, sink);
  TimelineSlices slices(labels, writer);
  TRAPLINE_TRY(play(what, slices));
  return writer.finish();
}

Status export_perfetto(const Export& what, TextSink& sink) {
  const auto& reader = what.reader;
  Labels labels;
  PerfettoTrace writer(reader.info(),
                       guest_clock_readings(reader.info(), reader.vcpus(), reader.clock_samples()), labels,
                       sink);
  TimelineSlices slices(labels, writer);
  TRAPLINE_TRY(play(what, slices));
  return writer.finish();
}

Status export_csv(const Export& what, TextSink& sink) {
  CsvTable writer(sink);
  TimelineRows rows(what.table, writer);
  TRAPLINE_TRY(play(what, rows));
  return writer.finish();
}

constexpr std::array kFormats = {
    ExportFormat{"timeline", "all of it as JSON (schema trapline.timeline/1)", export_timeline},
    ExportFormat{"chrome", "Chrome Trace Event JSON, for ui.perfetto.dev", export_chrome},
    ExportFormat{"perfetto", "Perfetto's own format, smaller and with a track tree", export_perfetto},
    ExportFormat{"csv", "one table of it", export_csv},
};

}  // namespace

std::span<const ExportFormat> export_formats() {
  return kFormats;
}

}  // namespace trapline::viewer
