// trapline diff A B: what changed from one recording to another, and whether that is more than noise.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analysis/diff.h"
#include "analysis/fail_on.h"
#include "cli/subcommands.h"
#include "tracer/recording/reader.h"
#include "viewer/diff_row_name.h"
#include "viewer/json/diff_json.h"
#include "viewer/tables/diff_table.h"

namespace trapline::cli {
namespace {

constexpr std::string_view kByName = "name";

struct DiffOptions {
  std::string folder_a;
  std::string folder_b;
  std::vector<std::string> fail_on;
  std::string sort = "total";
  std::uint64_t min_count = 0;
  bool per_vcpu = false;
  bool json = false;
};

std::vector<std::string> sort_orders() {
  std::vector<std::string> names = {std::string(kByName)};
  for (std::size_t i = 0; i < analysis::kMetrics; ++i)
    names.emplace_back(analysis::metric_name(static_cast<analysis::Metric>(i)));
  return names;
}

Result<analysis::RecordingRows> read(const std::string& folder, bool per_vcpu) {
  TRAPLINE_ASSIGN(reader, recording::RecordingReader::open(folder));
  return analysis::read_rows(reader, per_vcpu);
}

Result<ExitStatus> diff(const DiffOptions& options) {
  // Read first: a condition that is wrong should not cost the wait.
  std::vector<analysis::Condition> conditions;
  for (const std::string& text : options.fail_on) {
    TRAPLINE_ASSIGN(condition, analysis::parse_condition(text));
    conditions.push_back(condition);
  }
  TRAPLINE_ASSIGN(a, read(options.folder_a, options.per_vcpu));
  TRAPLINE_ASSIGN(b, read(options.folder_b, options.per_vcpu));
  TRAPLINE_ASSIGN(found, analysis::diff(a, b, {options.min_count}));
  analysis::sort_rows(found, analysis::metric_of(options.sort));
  const auto names = viewer::diff_row_names(found);
  TRAPLINE_ASSIGN(outcomes, analysis::check_conditions(conditions, found, names));
  if (options.json) {
    constexpr auto replace = nlohmann::json::error_handler_t::replace;
    fmt::print("{}\n", viewer::diff_json(found, names, outcomes).dump(2, ' ', false, replace));
  } else {
    fmt::print("{}", viewer::diff_text(found, names, outcomes));
  }
  const bool holds =
      std::any_of(outcomes.begin(), outcomes.end(), [](const auto& one) { return !one.failed.empty(); });
  return holds ? ExitStatus::failed : ExitStatus::done;
}

}  // namespace

Subcommand add_diff(CLI::App& program) {
  auto options = std::make_shared<DiffOptions>();
  CLI::App* app = program.add_subcommand(
      "diff", "What got cheaper, what got dearer between two recordings, and whether that is noise");
  app->add_option("A", options->folder_a, "The recording to compare with")->required();
  app->add_option("B", options->folder_b, "The recording to compare")->required();
  app->add_option("--fail-on", options->fail_on,
                  "Exit with status 1 if a row's change is measurable and beyond this: p99>+10%, rate<-5%,\n"
                  "'exit io port 0x3f8: p50>+1us' (docs/diff.md); may be given again")
      ->allow_extra_args(false);
  app->add_flag("--per-vcpu", options->per_vcpu, "Rows of each vCPU apart, not the sums over all");
  app->add_option("--min-count", options->min_count,
                  "Leave out rows that have fewer than this in both recordings")
      ->capture_default_str();
  app->add_option("--sort", options->sort, "Rows by the size of the change in this metric, or by name")
      ->check(CLI::IsMember(sort_orders()))
      ->capture_default_str();
  app->add_flag("--json", options->json, "As JSON (schema trapline.diff/1, docs/diff.md)");
  return {app, [options] { return diff(*options); }};
}

}  // namespace trapline::cli
