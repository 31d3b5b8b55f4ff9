#include "cli/compared_recordings.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "analysis/compare.h"
#include "analysis/completeness.h"
#include "base/file.h"
#include "cli/chosen_recording.h"
#include "viewer/json/compare_json.h"
#include "vmm/paths/workloads.h"

namespace trapline::cli {
namespace {

using analysis::Cell;
using analysis::Comparison;
using nlohmann::json;

constexpr std::size_t kLongestComparison = std::size_t{64} << 20;
// Whole timelines are in memory, several times the size of their records.
constexpr std::uint64_t kMostRecordBytes = std::uint64_t{512} << 20;

Result<ChosenRecording> open_short(const std::filesystem::path& folder) {
  TRAPLINE_ASSIGN(reader, recording::RecordingReader::open(folder));
  const auto& streams = reader.streams();
  const std::uint64_t bytes =
      std::accumulate(streams.begin(), streams.end(), std::uint64_t{0},
                      [](std::uint64_t sum, const auto& stream) { return sum + stream.event_bytes; });
  if (bytes > kMostRecordBytes) {
    return fail(fmt::format("{} has {} MiB of records, and two recordings are compared up to {} MiB each",
                            folder.string(), bytes >> 20, kMostRecordBytes >> 20),
                "record fewer events (-n)");
  }
  return open_recording(folder);
}

struct Side {
  std::string path;  // as the page calls it
  const ChosenRecording& chosen;
};

void add_cell(Comparison& comparison, const Side& side, const std::string& workload) {
  Cell cell;
  cell.path = side.path;
  cell.workload = workload;
  if (const auto known = vmm::find_workload(workload)) cell.waits = (*known)->waits;
  const auto& timeline = side.chosen.timeline;
  for (const auto& [number, name] : timeline.workload_names) {
    if (name != workload) continue;
    for (const auto& vcpu : timeline.vcpus)
      analysis::add_events(cell, vcpu, number, 0);
  }
  if (cell.events == 0) {
    cell.skipped = cell.incomplete == 0
                       ? std::string("this recording has none")
                       : fmt::format("no event was recorded whole ({} in part)", cell.incomplete);
  }
  cell.recordings.push_back(side.chosen.reader.folder().string());
  comparison.cells.push_back(std::move(cell));
}

std::vector<std::string> workload_names(const std::vector<Side>& sides) {
  std::vector<std::string> names;
  for (const Side& side : sides) {
    for (const auto& workload : side.chosen.reader.workloads()) {
      if (std::ranges::find(names, workload.name) == names.end()) names.push_back(workload.name);
    }
  }
  return names;
}

std::string path_name(char side, const recording::RecordingInfo& info) {
  return info.path.empty() ? fmt::format("{}", side) : fmt::format("{} ({})", side, info.path);
}

bool is_comparison(const json& document) {
  const auto has = [&](const char* key) { return document.contains(key) && document[key].is_array(); };
  if (!document.is_object() || !document.contains("schema") || document["schema"] != "trapline.compare/1" ||
      !has("cells") || !has("paths") || !has("workloads"))
    return false;
  return std::ranges::all_of(document["cells"], [](const json& cell) {
    return cell.is_object() && cell.contains("path") && cell["path"].is_string() &&
           cell.contains("workload") && cell["workload"].is_string();
  });
}

// Cells by the recording that has their example: the first one that was kept.
std::map<std::string, std::vector<const json*>> cells_by_recording(const json& document) {
  std::map<std::string, std::vector<const json*>> cells;
  for (const json& cell : document["cells"]) {
    const auto kept = cell.find("recordings");
    if (kept == cell.end() || !kept->is_array() || kept->empty() || !kept->front().is_string()) continue;
    cells[kept->front().get<std::string>()].push_back(&cell);
  }
  return cells;
}

Result<recording::RecordingReader> open_named(const std::string& name, const std::filesystem::path& beside) {
  auto here = recording::RecordingReader::open(name);
  if (here || std::filesystem::path(name).is_absolute()) return here;
  return recording::RecordingReader::open(beside / name);
}

}  // namespace

Result<ComparedRecordings> compare_two(const std::filesystem::path& first,
                                       const std::filesystem::path& second) {
  TRAPLINE_ASSIGN(a, open_short(first));
  TRAPLINE_ASSIGN(b, open_short(second));
  const std::vector<Side> sides = {{path_name('A', a.reader.info()), a},
                                   {path_name('B', b.reader.info()), b}};
  Comparison comparison;
  comparison.info = a.reader.info();
  comparison.probe_cost = a.reader.probe_cost();
  comparison.base = sides.front().path;
  comparison.rounds = 1;
  ComparedRecordings made;
  const auto names = workload_names(sides);
  if (names.empty()) {
    return fail(fmt::format("neither {} nor {} has a workload", first.string(), second.string()),
                "workloads are what is compared: make recordings by trapline run --workload");
  }
  for (const Side& side : sides) {
    comparison.paths.push_back(side.path);
    comparison.records_lost += analysis::completeness_of(side.chosen.reader).records_lost;
    comparison.clock_bound_ns = std::max(comparison.clock_bound_ns, side.chosen.timeline.clock_bound_ns);
    TRAPLINE_TRY(made.examples.add(side.path, names, 0, side.chosen.reader));
  }
  for (const std::string& name : names) {
    const auto known = vmm::find_workload(name);
    comparison.workloads.push_back({name, known ? std::string((*known)->summary) : std::string{}});
    for (const Side& side : sides)
      add_cell(comparison, side, name);
  }
  made.comparison = viewer::compare_json(comparison);
  return made;
}

Result<ComparedRecordings> read_comparison(const std::filesystem::path& file) {
  TRAPLINE_ASSIGN(text, read_text_file(file, kLongestComparison));
  ComparedRecordings made;
  made.comparison = json::parse(text, nullptr, false);
  if (!is_comparison(made.comparison)) {
    return fail(file.string() + " is no comparison (schema trapline.compare/1)",
                "give what trapline compare --json wrote");
  }
  const json& warm_up = made.comparison.value("warm_up", json(0));
  const std::uint64_t discarded = warm_up.is_number_unsigned() ? warm_up.get<std::uint64_t>() : 0;
  for (const auto& [name, cells] : cells_by_recording(made.comparison)) {
    const auto reader = open_named(name, file.parent_path());
    if (!reader) {
      fmt::print(stderr, "trapline: no examples from {}: {}\n", name, reader.error().what);
      continue;
    }
    std::vector<std::string> workloads;
    for (const json* cell : cells)
      workloads.push_back((*cell)["workload"].get<std::string>());
    TRAPLINE_TRY(
        made.examples.add((*cells.front())["path"].get<std::string>(), workloads, discarded, *reader));
  }
  return made;
}

}  // namespace trapline::cli
