// trapline export DIR: a recording in a format that other tools open.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "base/file.h"
#include "cli/chosen_recording.h"
#include "cli/subcommands.h"
#include "cli/time_argument.h"
#include "viewer/export.h"
#include "viewer/output/gzip_sink.h"

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
  std::vector<std::uint16_t> vms;
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
  TRAPLINE_ASSIGN(vcpus, chosen_vcpus(reader, options.vcpus, options.vms));
  limits.vcpus = std::move(vcpus);
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

Status write_to(int fd, const std::string& name, const viewer::ExportFormat& format,
                const viewer::Export& what) {
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
  const viewer::Export what{reader, limits, table};
  const viewer::ExportFormat& format = *std::ranges::find_if(
      viewer::export_formats(), [&](const auto& one) { return options.format == one.name; });
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
  for (const auto& format : viewer::export_formats())
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
  for (const auto& format : viewer::export_formats())
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
  add_vcpu_options(*app, options->vcpus, options->vms);
  return {app, [options] { return run_export(*options); }};
}

}  // namespace trapline::cli
