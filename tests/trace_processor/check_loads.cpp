// check_loads [DIR]: exports a recording in every format. Those for Perfetto are loaded into its
// trace_processor, and what SQL says there is compared with what the recording holds; those that are rows are
// counted and checked against their schema. Without DIR it makes a recording for it.
// check_loads --make DIR EXITS: only makes one, of any length.
//
// Exit status: 0 as it should be, 1 not, 2 wrong usage, 77 trace_processor or Node.js cannot be had.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tests/support/busy_recording.h"
#include "tests/support/command.h"
#include "tests/trace_processor/expected_slices.h"
#include "tracer/recording/reader.h"

namespace trapline::test {
namespace {

using nlohmann::json;

constexpr int kAsItShouldBe = 0;
constexpr int kNotSo = 1;
constexpr int kWrongUsage = 2;
constexpr int kSkipped = 77;  // what ctest takes for it
constexpr std::uint64_t kExitsOfOurOwn = 3000;

constexpr const char* kFaults =
    "SELECT name, value FROM stats WHERE severity IN ('error', 'data_loss') AND value > 0";
// A lane's name, of whichever form: a thread of one process, or a track below a vCPU's, which is below the
// VM's.
constexpr const char* kLanes = R"(
  SELECT track.id AS track_id,
         CASE WHEN thread.name IS NOT NULL THEN thread.name
              WHEN above.parent_id IS NULL THEN track.name
              ELSE above.name || ' ' || track.name END AS lane
  FROM track LEFT JOIN thread_track ON thread_track.id = track.id LEFT JOIN thread USING (utid)
             LEFT JOIN track AS above ON track.parent_id = above.id)";

std::string slices_query(std::uint64_t origin) {
  return fmt::format(
      "SELECT lane, slice.name, slice.ts - {}, slice.dur, IFNULL(parent.name, '') FROM slice "
      "JOIN ({}) USING (track_id) LEFT JOIN slice AS parent ON slice.parent_id = parent.id",
      origin, kLanes);
}

std::string sums_query() {
  return "SELECT name, COUNT(*), SUM(dur), MIN(dur), MAX(dur) FROM slice GROUP BY name ORDER BY name";
}

std::string arrows_query(std::uint64_t origin) {
  return fmt::format(
      "SELECT a.name, a.ts - {0}, b.name, b.ts - {0} FROM flow JOIN slice AS a ON slice_out = a.id "
      "JOIN slice AS b ON slice_in = b.id",
      origin);
}

struct Sums {
  std::uint64_t count = 0;
  std::uint64_t sum = 0;
  std::uint64_t least = ~std::uint64_t{0};
  std::uint64_t most = 0;
};

// The same rows as SQL's GROUP BY would give.
json expected_sums(const ExpectedSlices& expected) {
  std::map<std::string, Sums> sums;
  for (const SliceRow& row : expected.slices()) {
    Sums& of = sums[row.name];
    ++of.count;
    of.sum += row.duration;
    of.least = std::min(of.least, row.duration);
    of.most = std::max(of.most, row.duration);
  }
  json rows = json::array();
  for (const auto& [name, of] : sums)
    rows.push_back({name, of.count, of.sum, of.least, of.most});
  return rows;
}

json expected_slices(const ExpectedSlices& expected) {
  json rows = json::array();
  for (const SliceRow& row : expected.slices())
    rows.push_back({row.lane, row.name, row.begin, row.duration, row.parent});
  return rows;
}

json expected_arrows(const ExpectedSlices& expected) {
  json rows = json::array();
  for (const ArrowRow& row : expected.arrows())
    rows.push_back({row.from, row.from_begin, row.to, row.to_begin});
  return rows;
}

class Checker {
 public:
  Checker(std::filesystem::path recording, std::filesystem::path workspace)
      : recording_(std::move(recording)), workspace_(std::move(workspace)) {}

  int check() {
    auto reader = recording::RecordingReader::open(recording_);
    if (!reader) return say(reader.error().text());
    struct Head : ExpectedSlices {
      std::uint64_t origin = 0;
      void begin(const tracer::TimelineHead& head) override {
        origin = head.begin.value;
        ExpectedSlices::begin(head);
      }
    } expected;
    if (const auto status = tracer::stream_timeline(*reader, expected); !status)
      return say(status.error().text());
    for (const auto* form : {"chrome.json", "chrome.json.gz", "perfetto.pftrace", "perfetto.pftrace.gz"}) {
      const std::string name = form;
      const std::string format = name.substr(0, name.find('.'));
      const std::string file = workspace_ / name;
      if (!exported({"--format", format}, file)) return kNotSo;
      const std::uint64_t origin = format == "chrome" ? 0 : expected.origin;
      if (const auto status = compare(name, file, origin, expected)) return *status;
    }
    check_timeline(expected.counts());
    check_csv(expected.counts());
    return wrong_ ? kNotSo : kAsItShouldBe;
  }

 private:
  using Counts = std::map<std::string, std::uint64_t>;

  bool exported(std::vector<std::string> options, const std::string& file) {
    std::vector<std::string> command = {TRAPLINE_PROGRAM, "export", recording_, "-o", file};
    command.insert(command.end(), options.begin(), options.end());
    const auto result = run_command(command);
    if (result.status == 0) return true;
    wrong_ = true;
    say("trapline export: " + result.err);
    return false;
  }

  void check_timeline(const Counts& expected) {
    for (const auto* name : {"timeline.json", "timeline.json.gz"}) {
      const std::string file = workspace_ / name;
      if (!exported({"--format", "timeline"}, file)) return;
      const auto result = run_command({TRAPLINE_VALIDATE, TRAPLINE_TIMELINE_SCHEMA, file});
      fmt::print("{}: {}{}{}\n", name, result.status == 0 ? "as its schema says" : "", result.out,
                 result.err);
      wrong_ |= result.status != 0 && result.status != kSkipped;
    }
    std::ifstream file(workspace_ / "timeline.json");
    const auto document = json::parse(file);
    for (const auto& [table, count] : expected)
      count_rows("timeline.json", table, document[table].size(), count);
  }

  void check_csv(const Counts& expected) {
    const std::string file = workspace_ / "table.csv";
    for (const auto& [table, count] : expected) {
      if (!exported({"--format", "csv", "--table", table}, file)) return;
      count_rows("csv", table, csv_lines(file) - 1, count);
    }
  }

  // A quoted field may hold line ends.
  static std::uint64_t csv_lines(const std::string& name) {
    std::ifstream file(name);
    std::uint64_t lines = 0;
    bool quoted = false;
    for (char c = 0; file.get(c);) {
      quoted ^= c == '"';
      lines += c == '\n' && !quoted ? 1 : 0;
    }
    return lines;
  }

  void count_rows(const std::string& name, const std::string& table, std::uint64_t rows,
                  std::uint64_t expected) {
    fmt::print("{}: {} {}\n", name, rows, table);
    if (rows == expected) return;
    wrong_ = true;
    fmt::print("{}: {} {} were recorded\n", name, expected, table);
  }

  int say(const std::string& text) {
    fmt::print("{}\n", text);
    return kNotSo;
  }

  // A status: there is no point in going on.
  std::optional<int> compare(const std::string& name, const std::string& file, std::uint64_t origin,
                             const ExpectedSlices& expected) {
    const std::string queries = workspace_ / "queries.json";
    std::ofstream(queries) << json{{"faults", kFaults},
                                   {"slices", slices_query(origin)},
                                   {"sums", sums_query()},
                                   {"arrows", arrows_query(origin)}};
    const auto asked = run_command({"node", TRAPLINE_QUERY, TRAPLINE_TRACE_PROCESSOR, file, queries});
    if (asked.status == 127) {
      say("skipped: node is not installed (./dev setup test)");
      return kSkipped;
    }
    if (asked.status != 0) return say(fmt::format("{} does not load: {}{}", name, asked.out, asked.err));
    const auto answers = json::parse(asked.out);
    differ(name, "faults", answers["faults"], json::array());
    differ(name, "sums", answers["sums"], expected_sums(expected));
    differ(name, "slices", answers["slices"], expected_slices(expected));
    differ(name, "arrows", answers["arrows"], expected_arrows(expected));
    fmt::print("{}: {} slices, {} arrows\n", name, answers["slices"].size(), answers["arrows"].size());
    return std::nullopt;
  }

  // The order of rows is nobody's promise.
  void differ(const std::string& name, const std::string& what, json loaded, json recorded) {
    std::sort(loaded.begin(), loaded.end());
    std::sort(recorded.begin(), recorded.end());
    if (loaded == recorded) return;
    wrong_ = true;
    json only_loaded = json::array();
    json only_recorded = json::array();
    std::set_difference(loaded.begin(), loaded.end(), recorded.begin(), recorded.end(),
                        std::back_inserter(only_loaded));
    std::set_difference(recorded.begin(), recorded.end(), loaded.begin(), loaded.end(),
                        std::back_inserter(only_recorded));
    fmt::print("{}: {} differ, {} of {} loaded rows and {} of {} recorded ones\n", name, what,
               only_loaded.size(), loaded.size(), only_recorded.size(), recorded.size());
    constexpr std::size_t kShown = 5;
    for (std::size_t i = 0; i < std::min(kShown, only_loaded.size()); ++i)
      fmt::print("  loaded   {}\n", only_loaded[i].dump());
    for (std::size_t i = 0; i < std::min(kShown, only_recorded.size()); ++i)
      fmt::print("  recorded {}\n", only_recorded[i].dump());
  }

  std::filesystem::path recording_;
  std::filesystem::path workspace_;
  bool wrong_ = false;
};

int make(const std::string& folder, const std::string& exits) {
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(exits.data(), exits.data() + exits.size(), count);
  if (error != std::errc{} || end != exits.data() + exits.size()) return kWrongUsage;
  const auto status = write_busy_recording(folder, count);
  if (status) return kAsItShouldBe;
  fmt::print("{}\n", status.error().text());
  return kNotSo;
}

int check(std::filesystem::path recording) {
  const auto fetched = run_command({TRAPLINE_FETCH, TRAPLINE_TRACE_PROCESSOR});
  if (fetched.status != 0) {
    fmt::print("{}: {}{}", fetched.status == kSkipped ? "skipped" : "failed", fetched.out, fetched.err);
    return fetched.status;
  }
  std::string workspace = (std::filesystem::temp_directory_path() / "trapline-loads-XXXXXX").string();
  if (::mkdtemp(workspace.data()) == nullptr) return kNotSo;
  if (recording.empty()) {
    recording = std::filesystem::path(workspace) / "recording";
    if (const auto status = write_busy_recording(recording, kExitsOfOurOwn); !status) {
      fmt::print("{}\n", status.error().text());
      return kNotSo;
    }
  }
  const int result = Checker(recording, workspace).check();
  std::error_code ignored;
  std::filesystem::remove_all(workspace, ignored);
  return result;
}

}  // namespace
}  // namespace trapline::test

int main(int argc, char** argv) {
  using namespace trapline::test;
  try {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    if (arguments.size() == 3 && arguments[0] == "--make") return make(arguments[1], arguments[2]);
    if (arguments.size() <= 1)
      return check(arguments.empty() ? std::filesystem::path() : std::filesystem::path(arguments[0]));
  } catch (const std::exception& exception) {  // JSON that is not of the expected shape
    std::fputs(exception.what(), stderr);
    std::fputs("\n", stderr);
    return kNotSo;
  }
  std::fputs("usage: check_loads [DIR] | --make DIR EXITS\n", stderr);
  return kWrongUsage;
}
