// trapline export DIR: a recording in a format that other tools open.
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string>

#include "base/file.h"
#include "cli/chosen_recording.h"
#include "cli/subcommands.h"
#include "viewer/json/chrome_trace.h"

namespace trapline::cli {
namespace {

struct Options {
  std::string folder;
  std::string format;
  std::string output;
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

Status export_to(viewer::TextSink& sink, const ChosenRecording& chosen) {
  return viewer::write_chrome_trace(chosen.timeline, chosen.reader.info(), sink);
}

Result<ExitStatus> run_export(const Options& options) {
  TRAPLINE_ASSIGN(chosen, open_recording(options.folder));
  if (options.output.empty()) {
    FdSink sink(STDOUT_FILENO, "standard output");
    TRAPLINE_TRY(export_to(sink, chosen));
    return ExitStatus::done;
  }
  TRAPLINE_ASSIGN(file, NewFile::create(options.output));
  FdSink sink(file.fd(), options.output);
  TRAPLINE_TRY(export_to(sink, chosen));
  TRAPLINE_TRY(file.keep());
  return ExitStatus::done;
}

}  // namespace

Subcommand add_export(CLI::App& program) {
  auto options = std::make_shared<Options>();
  CLI::App* app = program.add_subcommand("export", "Write a recording in a format that other tools open");
  app->add_option("DIR", options->folder, "The recording")->required();
  app->add_option("--format", options->format, "chrome: Chrome Trace Event JSON, for ui.perfetto.dev")
      ->required()
      ->check(CLI::IsMember({"chrome"}));
  app->add_option("-o", options->output,
                  "File to write, replaced if it exists; standard output if not given");
  return {app, [options] { return run_export(*options); }};
}

}  // namespace trapline::cli
