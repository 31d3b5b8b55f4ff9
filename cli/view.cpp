// trapline view DIR: a page that explains a recording, or Perfetto's UI with it.
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "cli/compared_recordings.h"
#include "cli/fd_sink.h"
#include "cli/serve_once.h"
#include "cli/stop_signals.h"
#include "cli/subcommands.h"
#include "cli/window_options.h"
#include "viewer/export.h"
#include "viewer/output/gzip_sink.h"
#include "viewer/output/string_sink.h"
#include "viewer/web/page.h"

namespace trapline::cli {
namespace {

using recording::RecordingReader;

struct ViewOptions {
  std::vector<std::string> folders;
  std::string comparison;
  std::string output;
  bool open = false;
  WindowOptions window;
  std::uint64_t sample = 1;
};

tl::unexpected<Error> usage(std::string what, std::string remedy) {
  return fail(std::move(what), std::move(remedy), ExitStatus::wrong_usage);
}

Status check(const ViewOptions& options) {
  const bool compares = options.folders.size() == 2 || !options.comparison.empty();
  if (options.folders.empty() == options.comparison.empty())
    return usage("view wants a recording, two of them, or --compare FILE", "trapline view DIR -o page.html");
  if (options.output.empty() && !options.open)
    return usage("where to? there is neither -o nor --open",
                 "-o page.html writes a page, --open hands the recording to Perfetto's UI");
  if (!compares) return {};
  if (options.open)
    return usage("--open hands one recording to Perfetto's UI", "open each of them by itself, or give -o");
  if (options.window.given() || options.sample != 1)
    return usage("--from, --to, --vcpu and --sample are for the page of one recording", {});
  return {};
}

template <typename Write>
Status to_file(const std::string& name, Write write) {
  TRAPLINE_ASSIGN(file, NewFile::create(name));
  FdSink sink(file.fd(), name);
  TRAPLINE_TRY(write(sink));
  return file.keep();
}

Status write_page(const ViewOptions& options, const RecordingReader& reader,
                  const tracer::TimelineWindow::Limits& window) {
  viewer::PageSize size;
  TRAPLINE_TRY(to_file(options.output, [&](viewer::TextSink& sink) -> Status {
    TRAPLINE_ASSIGN(made, viewer::write_recording_page({reader, window, options.sample, {}}, sink));
    size = made;
    return {};
  }));
  const std::uint64_t exits = size.counts.exits;
  fmt::print("{}: {} exits, {} items, {:.2f} MB", options.output, exits, size.counts.items(),
             static_cast<double>(size.bytes) / 1e6);
  fmt::print("; open it in a browser\n");
  return {};
}

Status write_comparison(const ViewOptions& options) {
  TRAPLINE_ASSIGN(made, options.comparison.empty() ? compare_two(options.folders[0], options.folders[1])
                                                   : read_comparison(options.comparison));
  TRAPLINE_TRY(to_file(options.output, [&](viewer::TextSink& sink) {
    return viewer::write_compare_page(made.comparison, made.examples, sink);
  }));
  fmt::print("{}: {} cells, {} with an example; open it in a browser\n", options.output,
             made.comparison["cells"].size(), made.examples.list().size());
  return {};
}

// A person who works at a screen gets the page; who does not, or is root, has the address.
void open_browser(const std::string& url) {
  const bool screen = std::getenv("DISPLAY") != nullptr || std::getenv("WAYLAND_DISPLAY") != nullptr;
  if (!screen || ::geteuid() == 0) return;
  std::string program = "xdg-open";
  std::string argument = url;
  char* const arguments[] = {program.data(), argument.data(), nullptr};
  pid_t child = 0;
  if (::posix_spawnp(&child, program.c_str(), nullptr, nullptr, arguments, environ) == 0)
    ::waitpid(child, nullptr, 0);
}

Status serve_to_perfetto(const RecordingReader& reader, const tracer::TimelineWindow::Limits& window) {
  // The port first: what nobody can fetch need not be made.
  TRAPLINE_ASSIGN(server, OneFileServer::listen("trapline.pftrace.gz"));
  for (const auto& format : viewer::export_formats()) {
    if (std::string_view(format.name) != "perfetto") continue;
    viewer::StringSink trace;
    viewer::GzipSink compressed(trace);
    TRAPLINE_TRY(format.write({reader, window}, compressed));
    TRAPLINE_TRY(compressed.finish());
    std::atomic<bool>& stop = stop_on_signals();
    fmt::print("open {}\n(waits until it is fetched, once; Ctrl-C stops)\n", server.page_url());
    std::fflush(stdout);
    open_browser(server.page_url());
    return server.serve(trace.text, stop);
  }
  return fail("there is no export for Perfetto");
}

Result<ExitStatus> view(const ViewOptions& options) {
  TRAPLINE_TRY(check(options));
  if (options.folders.size() != 1) {
    TRAPLINE_TRY(write_comparison(options));
    return ExitStatus::done;
  }
  TRAPLINE_ASSIGN(reader, RecordingReader::open(options.folders.front()));
  TRAPLINE_ASSIGN(window, window_of(options.window, reader));
  if (!options.output.empty()) TRAPLINE_TRY(write_page(options, reader, window));
  if (options.open) TRAPLINE_TRY(serve_to_perfetto(reader, window));
  return ExitStatus::done;
}

}  // namespace

Subcommand add_view(CLI::App& program) {
  auto options = std::make_shared<ViewOptions>();
  CLI::App* app = program.add_subcommand(
      "view", "Write one HTML file that explains a recording, or compares two (docs/view.md)");
  app->add_option("DIR", options->folders, "The recording; two of them are compared")->expected(1, 2);
  app->add_option("--compare", options->comparison,
                  "Instead of recordings: what trapline compare --json wrote; examples come from the "
                  "recordings that compare -o kept");
  app->add_option("-o", options->output, "HTML file to write, replaced if it exists");
  app->add_flag(
      "--open", options->open,
      "Hand the recording to https://ui.perfetto.dev: serves it once on 127.0.0.1:9001, then stops");
  add_window_options(*app, options->window);
  app->add_option("--sample", options->sample,
                  "Keep one of N stretches of 10 ms, for recordings too long for a page, which says so")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000}));
  return {app, [options] { return view(*options); }};
}

}  // namespace trapline::cli
