#include "viewer/web/page.h"

#include <fmt/format.h>

#include "analysis/summary.h"
#include "viewer/json/report_json.h"
#include "viewer/tables/table.h"
#include "viewer/web/embedded.h"
#include "viewer/web/sampled_timeline.h"

extern "C" {
extern const char trapline_page_begin[];
extern const char trapline_page_end[];
}

namespace trapline::viewer {
namespace {

using nlohmann::json;
using Limits = tracer::TimelineWindow::Limits;

// Where the data goes, within what viewer/web/build.mjs made.
constexpr std::string_view kDataMark = "<!-- data -->";

struct Bundle {
  std::string_view before;
  std::string_view after;
};

Result<Bundle> bundle() {
  const std::string_view page(trapline_page_begin,
                              static_cast<std::size_t>(trapline_page_end - trapline_page_begin));
  const std::size_t mark = page.find(kDataMark);
  if (mark == std::string_view::npos) return fail("the page that was built in has no place for data");
  return Bundle{page.substr(0, mark), page.substr(mark + kDataMark.size())};
}

class CountingSink : public TextSink {
 public:
  explicit CountingSink(TextSink& to) : to_(to) {}
  Status write(std::string_view text) override {
    bytes_ += text.size();
    return to_.write(text);
  }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  TextSink& to_;
  std::uint64_t bytes_ = 0;
};

json window_json(const Limits& window) {
  json object = {{"from_ns", window.from_ns}, {"to_ns", nullptr}, {"vcpus", nullptr}};
  if (window.to_ns != Limits{}.to_ns) object["to_ns"] = window.to_ns;
  if (!window.vcpus.empty()) object["vcpus"] = window.vcpus;
  return object;
}

std::string millions(std::uint64_t count) {
  return count < 100'000 ? fmt::format("{}", count)
                         : fmt::format("{:.1f} million", static_cast<double>(count) / 1e6);
}

tl::unexpected<Error> too_long(const RecordingPage& what, const PackedTimeline& packed) {
  const PackedCounts& counts = packed.counts();
  // A little less than what would just fit: items do not lie evenly.
  const double fits = static_cast<double>(what.limits.items) / static_cast<double>(counts.items());
  const std::uint64_t whole = what.sample;
  const auto begin = static_cast<double>(what.window.from_ns);
  const double part = (static_cast<double>(packed.end_ns()) - begin) * fits * 0.9;
  const auto one_in = static_cast<std::uint64_t>(static_cast<double>(whole) / fits * 1.1) + 1;
  return fail(
      fmt::format("{} is too much for one page: {} items ({} exits, {} states, {} others), and a page holds "
                  "{} at most",
                  what.reader.folder().string(), millions(counts.items()), millions(counts.exits),
                  millions(counts.states), millions(counts.items() - counts.exits - counts.states),
                  millions(what.limits.items)),
      fmt::format(
          "show a part of it, for example --from {0}ns --to {1:.0f}ns ({2}), or with --sample {3} one "
          "of {3} stretches of {4} ms, which the page says",
          what.window.from_ns, begin + part, short_time(part), one_in,
          SampledTimeline::kStretchNs / 1'000'000));
}

}  // namespace

Result<PageSize> write_recording_page(const RecordingPage& what, TextSink& sink) {
  TRAPLINE_ASSIGN(around, bundle());
  TRAPLINE_ASSIGN(summary, analysis::summarize(what.reader));
  CountingSink counted(sink);
  TextBuffer out(counted);
  out.put(around.before);
  PackedTimeline packed(0, what.reader.vcpus().size(), what.limits.items, out);
  SampledTimeline sampled(packed, what.sample);
  tracer::TimelineWindow window(sampled, what.window);
  TRAPLINE_TRY(tracer::stream_timeline(what.reader, window));
  if (packed.too_many()) return too_long(what, packed);
  TRAPLINE_ASSIGN(dictionaries, packed.dictionaries(what.reader));
  embed_json("timeline-0", dictionaries, out);
  embed_json("report", report_json(summary), out);
  embed_json("page",
             {{"kind", "recording"},
              {"window", window_json(what.window)},
              {"sample", what.sample},
              {"sample_stretch_ns", SampledTimeline::kStretchNs}},
             out);
  out.put(around.after);
  TRAPLINE_TRY(out.finish());
  return PageSize{packed.counts(), counted.bytes()};
}

Status write_compare_page(const json& comparison, const Examples& examples, TextSink& sink) {
  TRAPLINE_ASSIGN(around, bundle());
  TextBuffer out(sink);
  out.put(around.before);
  out.put(examples.elements());
  embed_json("comparison", comparison, out);
  embed_json("page", {{"kind", "compare"}, {"examples", examples.list()}}, out);
  out.put(around.after);
  return out.finish();
}

}  // namespace trapline::viewer
