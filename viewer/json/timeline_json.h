// A timeline as one JSON document (schema trapline.timeline/1, docs/timeline.schema.json), for programs.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "tracer/recording/reader.h"
#include "tracer/timeline/sink.h"
#include "viewer/json/json_stream.h"
#include "viewer/rows/row_writer.h"

namespace trapline::viewer {

// First what the recording says of itself, then an array of flat objects for each table that is begun. Times
// count from the timeline's begin, the origin is a decimal string; a column without a value is left out.
class TimelineJson : public RowWriter {
 public:
  // `reader` and `sink` must outlive this.
  TimelineJson(const recording::RecordingReader& reader, const tracer::TimelineHead& head,
               const tracer::TimelineWindow::Limits& window, TextSink& sink);

  void begin_table(std::string_view name, std::span<const std::string_view> columns) override;
  void begin_row() override;
  void none() override { ++column_; }
  void count(std::uint64_t value) override;
  void nanoseconds(std::int64_t value) override;
  void address(std::uint64_t value) override;
  void text(std::string_view value) override;
  void flag(bool value) override;
  void words(std::span<const std::string_view> values) override;
  void end_row() override { json_.end_object(); }
  void end_table() override { json_.end_array(); }
  [[nodiscard]] bool failed() const override { return json_.failed(); }

  // Ends the document. Whether all of it was written.
  [[nodiscard]] Status finish();

 private:
  void next_key() { json_.rendered_key(keys_[column_++]); }

  JsonStream json_;
  std::vector<std::string> keys_;  // of the table's columns
  std::size_t column_ = 0;
};

}  // namespace trapline::viewer
