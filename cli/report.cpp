// trapline report DIR: the figures of a recording.
#include <memory>
#include <string>

#include "cli/chosen_recording.h"
#include "cli/subcommands.h"

namespace trapline::cli {
namespace {

struct Options {
  std::string folder;
  bool json = false;
};

Result<ExitStatus> report(const Options& options) {
  TRAPLINE_TRY(print_report(options.folder, options.json));
  return ExitStatus::done;
}

}  // namespace

Subcommand add_report(CLI::App& program) {
  auto options = std::make_shared<Options>();
  CLI::App* app = program.add_subcommand("report", "Print the figures of a recording");
  app->add_option("DIR", options->folder, "The recording")->required();
  app->add_flag("--json", options->json, "As JSON (schema trapline.report/1, docs/report.md)");
  return {app, [options] { return report(*options); }};
}

}  // namespace trapline::cli
