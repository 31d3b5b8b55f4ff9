// How fast a recording is read and made a timeline of, and what memory that takes.
//
// Measured on a synthetic recording of TRAPLINE_BENCH_EXITS exits (default: 10 million) and on one of a tenth
// of them: peak memory that is the same for both does not grow with the recording. Each measurement is a
// process of its own. The recordings are in memory (page cache) when they are read.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "analysis/summary.h"
#include "bench/measured_child.h"
#include "bench/synthetic_recording.h"
#include "tracer/recording/reader.h"
#include "tracer/timeline/sink.h"
#include "viewer/export.h"
#include "viewer/lanes/timeline_slices.h"

namespace trapline::bench {
namespace {

std::uint64_t asked_exits() {
  const char* text = std::getenv("TRAPLINE_BENCH_EXITS");
  const std::uint64_t asked = text == nullptr ? 0 : std::strtoull(text, nullptr, 10);
  return asked == 0 ? 10'000'000 : asked;
}

// The synthetic recordings by their number of exits, made when first asked for.
class Recordings {
 public:
  Recordings() = default;
  Recordings(const Recordings&) = delete;
  Recordings& operator=(const Recordings&) = delete;
  ~Recordings() {
    std::error_code ignored;
    if (!root_.empty()) std::filesystem::remove_all(root_, ignored);
  }

  Result<std::filesystem::path> of(std::uint64_t exits) {
    if (const auto made = made_.find(exits); made != made_.end()) return made->second;
    if (root_.empty()) {
      std::string name = (std::filesystem::temp_directory_path() / "trapline-bench-XXXXXX").string();
      if (::mkdtemp(name.data()) == nullptr) return fail("cannot make a temporary folder");
      root_ = name;
    }
    const auto folder = root_ / std::to_string(exits);
    TRAPLINE_ASSIGN(counts, write_synthetic_recording(folder, exits));
    std::fprintf(stderr, "synthetic recording: %llu exits, %llu events, %llu MiB\n",
                 static_cast<unsigned long long>(counts.exits),
                 static_cast<unsigned long long>(counts.events),
                 static_cast<unsigned long long>(counts.bytes >> 20));
    made_.emplace(exits, folder);
    return folder;
  }

 private:
  std::filesystem::path root_;
  std::map<std::uint64_t, std::filesystem::path> made_;
};

Recordings& recordings() {
  static Recordings all;
  return all;
}

using recording::RecordingReader;

Result<Work> only_open(const RecordingReader& reader) {
  Work work;
  for (const auto& stream : reader.streams())
    work.items += stream.packets;
  return work;
}

Result<Work> walk_events(const RecordingReader& reader) {
  Work work;
  auto cursor = reader.merged();
  recording::Event event;
  while (cursor.next(event))
    ++work.items;
  TRAPLINE_TRY(cursor.status());
  return work;
}

// Items: what the recording has, so that the cases can be compared.
std::uint64_t events_in(const RecordingReader& reader) {
  std::uint64_t events = 0;
  for (const auto& stream : reader.streams()) {
    const std::uint64_t size = stream.key.stream == recording::StreamClass::exits ? sizeof(trl_exit_cycle)
                               : stream.key.stream == recording::StreamClass::kvm ? sizeof(trl_kvm_event)
                               : stream.key.stream == recording::StreamClass::stamps
                                   ? sizeof(recording::GuestStampRecord)
                                   : sizeof(recording::ExitHandledRecord);
    events += stream.event_bytes / size;
  }
  return events;
}

Result<Work> make_timeline(const RecordingReader& reader) {
  tracer::TimelineSink nobody;
  TRAPLINE_TRY(tracer::stream_timeline(reader, nobody));
  return Work{.items = events_in(reader)};
}

Result<Work> make_report(const RecordingReader& reader) {
  TRAPLINE_ASSIGN(summary, analysis::summarize(reader));
  benchmark::DoNotOptimize(summary);
  return Work{.items = events_in(reader)};
}

// What is written goes nowhere, but is counted.
class CountingSink : public viewer::TextSink {
 public:
  Status write(std::string_view text) override {
    bytes_ += text.size();
    return {};
  }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  std::uint64_t bytes_ = 0;
};

class SliceCounter : public viewer::SliceWriter {
 public:
  void begin(const tracer::TimelineHead& /*head*/) override {}
  void lane(const viewer::Lane& /*lane*/) override {}
  void slice(const viewer::Slice& /*slice*/) override { ++slices_; }
  void opened(const viewer::Slice& /*slice*/) override {}
  void closed(const viewer::Slice& /*slice*/) override { ++slices_; }
  void end() override {}
  [[nodiscard]] bool failed() const override { return false; }
  [[nodiscard]] std::uint64_t slices() const { return slices_; }

 private:
  std::uint64_t slices_ = 0;
};

// Of the synthetic recordings, which are always the same.
Result<std::uint64_t> slices_of(const std::filesystem::path& folder, std::uint64_t exits) {
  static std::map<std::uint64_t, std::uint64_t> known;
  if (const auto found = known.find(exits); found != known.end()) return found->second;
  TRAPLINE_ASSIGN(reader, RecordingReader::open(folder));
  viewer::Labels labels;
  SliceCounter counter;
  viewer::TimelineSlices slices(labels, counter);
  TRAPLINE_TRY(tracer::stream_timeline(reader, slices));
  return known[exits] = counter.slices();
}

Result<Work> export_as(const viewer::ExportFormat& format, const RecordingReader& reader) {
  CountingSink sink;
  TRAPLINE_TRY(format.write({reader, {}}, sink));
  return Work{.items = events_in(reader), .bytes = sink.bytes()};
}

using Run = std::function<Result<Work>(const RecordingReader&)>;

void measure(benchmark::State& state, const Run& run, bool makes_slices) {
  const auto exits = static_cast<std::uint64_t>(state.range(0));
  const auto folder = recordings().of(exits);
  if (!folder) return state.SkipWithError(folder.error().what.c_str());
  std::uint64_t slices = 0;
  if (makes_slices) {
    const auto counted = slices_of(*folder, exits);
    if (!counted) return state.SkipWithError(counted.error().what.c_str());
    slices = *counted;
  }
  double seconds = 0;
  double peak_mib = 0;
  Work all;
  for ([[maybe_unused]] auto _ : state) {
    const auto measured = measure_in_child([&]() -> Result<Work> {
      TRAPLINE_ASSIGN(reader, RecordingReader::open(*folder));
      return run(reader);
    });
    if (!measured) return state.SkipWithError(measured.error().what.c_str());
    state.SetIterationTime(measured->seconds);
    seconds += measured->seconds;
    peak_mib = std::max(peak_mib, measured->peak_mib);
    all.items += measured->work.items;
    all.bytes += measured->work.bytes;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(all.items));
  state.counters["exits/s"] =
      static_cast<double>(exits * static_cast<std::uint64_t>(state.iterations())) / seconds;
  state.counters["peak_MiB"] = peak_mib;
  if (slices != 0) {
    state.counters["slices/s"] =
        static_cast<double>(slices * static_cast<std::uint64_t>(state.iterations())) / seconds;
  }
  if (all.bytes != 0) state.SetBytesProcessed(static_cast<std::int64_t>(all.bytes));
}

}  // namespace
}  // namespace trapline::bench

int main(int argc, char** argv) {
  using trapline::bench::measure;
  const auto exits = static_cast<std::int64_t>(trapline::bench::asked_exits());
  const auto add = [&](const std::string& name, const trapline::bench::Run& run, bool makes_slices = false) {
    benchmark::RegisterBenchmark(
        name.c_str(), [run, makes_slices](benchmark::State& state) { measure(state, run, makes_slices); })
        ->Arg(std::max<std::int64_t>(exits / 10, 1))
        ->Arg(exits)
        ->ArgName("exits")
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  };
  add("open", trapline::bench::only_open);
  add("walk", trapline::bench::walk_events);
  add("timeline", trapline::bench::make_timeline);
  add("report", trapline::bench::make_report);
  for (const auto& format : trapline::viewer::export_formats()) {
    const auto run = [&format](const auto& reader) { return trapline::bench::export_as(format, reader); };
    const std::string name = format.name;
    add("export " + name, run, name == "chrome" || name == "perfetto");
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
