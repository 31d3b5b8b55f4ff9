// trapline export DIR: a recording in a format that other tools open.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "base/file.h"
#include "cli/fd_sink.h"
#include "cli/subcommands.h"
#include "cli/window_options.h"
#include "viewer/export.h"
#include "viewer/output/gzip_sink.h"

namespace trapline::cli {
namespace {

using recording::RecordingReader;
using viewer::TimelineTable;

constexpr TimelineTable kDefaultTable = TimelineTable::exits;

struct ExportOptions {
  std::string folder;
  std::string format;
  std::string output;
  std::string table;
  WindowOptions window;
};

Result<TimelineTable> table_of(const ExportOptions& options) {
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

Result<ExitStatus> run_export(const ExportOptions& options) {
  TRAPLINE_ASSIGN(reader, RecordingReader::open(options.folder));
  TRAPLINE_ASSIGN(limits, window_of(options.window, reader));
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
  auto options = std::make_shared<ExportOptions>();
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
  add_window_options(*app, options->window);
  return {app, [options] { return run_export(*options); }};
}

}  // namespace trapline::cli
