// trapline export DIR: a recording in a format that other tools open.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>

#include "base/file.h"
#include "cli/subcommands.h"
#include "cli/time_argument.h"
#include "tracer/timeline/sink.h"
#include "viewer/csv/csv_table.h"
#include "viewer/json/chrome_trace.h"
#include "viewer/json/timeline_json.h"
#include "viewer/lanes/timeline_slices.h"
#include "viewer/output/gzip_sink.h"
#include "viewer/perfetto/perfetto_trace.h"
#include "viewer/rows/timeline_rows.h"

namespace trapline::cli {
namespace {

using Limits = tracer::TimelineWindow::Limits;
using recording::RecordingReader;
using viewer::TimelineTable;

constexpr TimelineTable kDefaultTable = TimelineTable::exits;

struct Options {
  std::string folder;
  std::string format;
  std::string output;
  std::string table;
  std::string from;
  std::string to;
  std::vector<std::uint16_t> vcpus;
};

class FdSink : public viewer::TextSink {
 public:
  FdSink(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}
  Status write(std::string_view text) override {
    return write_all(fd_, std::as_bytes(std::span(text)), name_);
  }

 private:
  int fd_;
  std::string name_;
};

struct Export {
  const RecordingReader& reader;
  Limits limits;
  TimelineTable table = kDefaultTable;  // of a format that has one only

  // One pass over the recording.
  Status play(tracer::TimelineSink& sink) const {
    tracer::TimelineWindow window(sink, limits);
    return tracer::stream_timeline(reader, window);
  }
};

Status export_chrome(const Export& what, viewer::TextSink& sink) {
  viewer::Labels labels;
  viewer::ChromeTrace writer(what.reader.info(), labels, sink);
  viewer::TimelineSlices slices(labels, writer);
  TRAPLINE_TRY(what.play(slices));
  return writer.finish();
}

Status export_perfetto(const Export& what, viewer::TextSink& sink) {
  const RecordingReader& reader = what.reader;
  viewer::Labels labels;
  viewer::PerfettoTrace writer(
      reader.info(), viewer::guest_clock_readings(reader.info(), reader.vcpus(), reader.clock_samples()),
      labels, sink);
  viewer::TimelineSlices slices(labels, writer);
  TRAPLINE_TRY(what.play(slices));
  return writer.finish();
}

// A pass for each table: they follow one another in the document.
Status export_timeline(const Export& what, viewer::TextSink& sink) {
  TRAPLINE_ASSIGN(head, tracer::read_timeline_head(what.reader));
  viewer::TimelineJson writer(what.reader, head, what.limits, sink);
  for (std::size_t i = 0; i < viewer::kTimelineTables && !writer.failed(); ++i) {
    viewer::TimelineRows rows(static_cast<TimelineTable>(i), writer);
    TRAPLINE_TRY(what.play(rows));
  }
  return writer.finish();
}

Status export_csv(const Export& what, viewer::TextSink& sink) {
  viewer::CsvTable writer(sink);
  viewer::TimelineRows rows(what.table, writer);
  TRAPLINE_TRY(what.play(rows));
  return writer.finish();
}

struct Format {
  const char* name;
  const char* what;
  Status (*write)(const Export& what, viewer::TextSink& sink);
};
constexpr std::array kFormats = {
    Format{"timeline", "all of it as JSON (schema trapline.timeline/1)", export_timeline},
    Format{"chrome", "Chrome Trace Event JSON, for ui.perfetto.dev", export_chrome},
    Format{"perfetto", "Perfetto's own format, smaller and with a track tree", export_perfetto},
    Format{"csv", "one table of it", export_csv},
};

Result<Limits> limits_of(const Options& options, const RecordingReader& reader) {
  Limits limits;
  if (!options.from.empty()) {
    TRAPLINE_ASSIGN(from, parse_time(options.from, "--from"));
    limits.from_ns = from;
  }
  if (!options.to.empty()) {
    TRAPLINE_ASSIGN(to, parse_time(options.to, "--to"));
    limits.to_ns = to;
  }
  if (limits.to_ns < limits.from_ns) {
    return fail(fmt::format("--to {} lies before --from {}", options.to, options.from), {},
                ExitStatus::wrong_usage);
  }
  for (const std::uint16_t vcpu : options.vcpus) {
    const auto& known = reader.vcpus();
    if (std::ranges::any_of(known, [vcpu](const auto& started) { return started.vcpu == vcpu; })) continue;
    return fail(fmt::format("{} has no vCPU {}", options.folder, vcpu),
                fmt::format("it has {} vCPUs, counted from 0", known.size()), ExitStatus::wrong_usage);
  }
  limits.vcpus = options.vcpus;
  return limits;
}

Result<TimelineTable> table_of(const Options& options) {
  if (options.table.empty()) return kDefaultTable;
  if (options.format != "csv") {
    return fail(fmt::format("--table goes with --format csv, not with {}", options.format),
                "the other formats hold all tables", ExitStatus::wrong_usage);
  }
  return *viewer::table_of(options.table);
}

Status write_to(int fd, const std::string& name, const Format& format, const Export& what) {
  FdSink file(fd, name);
  if (!name.ends_with(".gz")) return format.write(what, file);
  viewer::GzipSink compressed(file);
  TRAPLINE_TRY(format.write(what, compressed));
  return compressed.finish();
}

Result<ExitStatus> run_export(const Options& options) {
  TRAPLINE_ASSIGN(reader, RecordingReader::open(options.folder));
  TRAPLINE_ASSIGN(limits, limits_of(options, reader));
  TRAPLINE_ASSIGN(table, table_of(options));
  const Export what{reader, limits, table};
  const Format& format =
      *std::ranges::find_if(kFormats, [&](const Format& one) { return options.format == one.name; });
  if (options.output.empty()) {
    TRAPLINE_TRY(write_to(STDOUT_FILENO, "standard output", format, what));
    return ExitStatus::done;
  }
  TRAPLINE_ASSIGN(file, NewFile::create(options.output));
  TRAPLINE_TRY(write_to(file.fd(), options.output, format, what));
  TRAPLINE_TRY(file.keep());
  return ExitStatus::done;
}

std::string described_formats() {
  std::string text;
  for (const Format& format : kFormats)
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", format.name, format.what);
  return text;
}

std::vector<std::string> table_names() {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < viewer::kTimelineTables; ++i)
    names.emplace_back(viewer::table_name(static_cast<TimelineTable>(i)));
  return names;
}

std::vector<std::string> format_names() {
  std::vector<std::string> names;
  for (const Format& format : kFormats)
    names.emplace_back(format.name);
  return names;
}

}  // namespace

Subcommand add_export(CLI::App& program) {
  auto options = std::make_shared<Options>();
  CLI::App* app = program.add_subcommand("export", "Write a recording in a format that other tools open");
  app->add_option("DIR", options->folder, "The recording")->required();
  app->add_option("--format", options->format, described_formats())
      ->required()
      ->check(CLI::IsMember(format_names()));
  app->add_option(
      "-o", options->output,
      "File to write, replaced if it exists, compressed if its name ends in .gz; standard output if "
      "not given");
  app->add_option("--table", options->table,
                  fmt::format("Of csv: which table; {} if not given", viewer::table_name(kDefaultTable)))
      ->check(CLI::IsMember(table_names()));
  app->add_option("--from", options->from,
                  "Leave out what ended before: 1.5ms, 200us, 3s, or nanoseconds, from the trace's start");
  app->add_option("--to", options->to, "Leave out what began after");
  app->add_option("--vcpu", options->vcpus, "These vCPUs only: N,..")->delimiter(',');
  return {app, [options] { return run_export(*options); }};
}

}  // namespace trapline::cli
