// A page is held against the recording that it was made of: what was packed is unpacked again.
#include "viewer/web/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "analysis/summary.h"
#include "tests/support/busy_recording.h"
#include "tests/support/packed_chunk.h"
#include "tests/support/page_elements.h"
#include "tests/unit/viewer/small_timeline.h"
#include "viewer/json/report_json.h"

namespace trapline::viewer {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using trapline::test::elements_of;
using trapline::test::json_of;
using trapline::test::UnpackedChunk;

class Page : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) /
              ("page_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    record(3000);
  }
  void record(std::uint64_t exits) {
    reader_.reset();
    std::filesystem::remove_all(folder_);
    ASSERT_TRUE(trapline::test::write_busy_recording(folder_, exits));
    auto reader = recording::RecordingReader::open(folder_);
    ASSERT_TRUE(reader) << reader.error().what;
    reader_.emplace(std::move(*reader));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
  std::optional<recording::RecordingReader> reader_;
};

// All chunks of a vCPU, one after the other.
struct Unpacked {
  UnpackedChunk rows;
  std::vector<trl_exit_cycle> raw;
};

std::map<std::uint64_t, Unpacked> unpack(const trapline::test::PageElements& elements,
                                         const json& dictionaries) {
  std::map<std::uint64_t, Unpacked> vcpus;
  const auto masks = trapline::test::link_masks(dictionaries);
  for (std::size_t i = 0; i < elements.hot.size(); ++i) {
    const auto chunk = trapline::test::unpack_hot(elements.hot[i], masks);
    std::vector<std::uint32_t> kinds;
    for (const auto& exit : chunk.exits)
      kinds.push_back(exit.kind);
    Unpacked& to = vcpus[chunk.vcpu];
    const auto append = [](auto& all, const auto& part) { all.insert(all.end(), part.begin(), part.end()); };
    append(to.raw, trapline::test::unpack_cold(elements.cold[i], kinds));
    append(to.rows.exits, chunk.exits);
    append(to.rows.isrs, chunk.isrs);
    append(to.rows.states, chunk.states);
    append(to.rows.steps, chunk.steps);
    append(to.rows.injections, chunk.injections);
    append(to.rows.events, chunk.events);
    append(to.rows.stories, chunk.stories);
  }
  return vcpus;
}

class Times {
 public:
  explicit Times(HostNs begin) : begin_(begin) {}
  [[nodiscard]] std::int64_t operator()(HostNs at) const { return ns_between(begin_, at); }
  [[nodiscard]] OptionalTime operator()(const std::optional<HostNs>& at) const {
    return at ? OptionalTime((*this)(*at)) : std::nullopt;
  }

 private:
  HostNs begin_;
};

void expect_same_exits(const Unpacked& packed, const tracer::VcpuTimeline& vcpu, const json& kinds,
                       const Times& time) {
  ASSERT_EQ(packed.rows.exits.size(), vcpu.exits.size());
  for (std::size_t i = 0; i < vcpu.exits.size(); ++i) {
    const auto& [is, was] = std::pair(packed.rows.exits[i], vcpu.exits[i]);
    EXPECT_EQ(is.begin, time(was.exit));
    EXPECT_EQ(is.end, time(was.entry));
    EXPECT_EQ(is.user_exit, time(was.user_exit));
    EXPECT_EQ(is.vmm_begin, was.vmm_end ? time(was.vmm_begin) : std::nullopt);
    EXPECT_EQ(is.vmm_end, was.vmm_begin ? time(was.vmm_end) : std::nullopt);
    EXPECT_EQ(is.open, was.open);
    EXPECT_EQ(is.halts, was.halts);
    EXPECT_EQ(kinds[is.kind]["reason"], was.what->reason);
    EXPECT_EQ(kinds[is.kind]["key"], was.what->key);
    const trl_exit_cycle& raw = packed.raw[i];
    EXPECT_EQ(raw.flags, was.record.flags);
    EXPECT_EQ(raw.rip, was.record.rip);
    EXPECT_EQ(raw.info1, was.record.info1);
    EXPECT_EQ(raw.info2, was.record.info2);
    EXPECT_EQ(raw.reason, was.record.reason);
    EXPECT_EQ(raw.event_inj, was.record.event_inj);
    EXPECT_EQ(raw.exit_int_info, was.record.exit_int_info);
    EXPECT_EQ(raw.user_reason, was.record.user_reason);
  }
}

void expect_same_stories(const Unpacked& packed, const tracer::VcpuTimeline& vcpu, const json& shapes,
                         const Times& time) {
  ASSERT_EQ(packed.rows.stories.size(), vcpu.interrupts.size());
  std::map<tracer::InterruptId, const PackedStory*> by_id;
  for (const auto& story : packed.rows.stories)
    by_id[story.id] = &story;
  for (const auto& was : vcpu.interrupts) {
    ASSERT_TRUE(by_id.contains(was.id));
    const PackedStory& is = *by_id[was.id];
    const json& shape = shapes[is.shape];
    EXPECT_EQ(shape["vector"], was.vector);
    EXPECT_EQ(shape["source"], tracer::source_name(was.source));
    EXPECT_EQ(shape["missing"], was.missing);
    EXPECT_EQ(shape["tid"], was.raised_by_tid);
    for (std::size_t link = 0; link < tracer::kLinks; ++link) {
      const auto& point = was.links[link];
      EXPECT_EQ(is.links[link], point.seen() ? OptionalTime(time(point.at)) : std::nullopt);
      EXPECT_EQ(shape["by"][link], static_cast<unsigned>(point.by));
    }
    EXPECT_EQ(is.coalesced, was.coalesced);
    EXPECT_EQ(is.reinjections, was.reinjections);
    EXPECT_EQ(is.entries_masked, was.entries_masked);
  }
}

void expect_same_rest(const Unpacked& packed, const tracer::VcpuTimeline& vcpu, const json& texts,
                      const Times& time) {
  ASSERT_EQ(packed.rows.states.size(), vcpu.states.size());
  for (std::size_t i = 0; i < vcpu.states.size(); ++i) {
    const auto& was = vcpu.states[i];
    EXPECT_EQ(packed.rows.states[i], (trapline::test::UnpackedState{time(was.begin), time(was.end),
                                                                    static_cast<std::uint64_t>(was.state)}));
  }
  ASSERT_EQ(packed.rows.steps.size(), vcpu.steps.size());
  for (std::size_t i = 0; i < vcpu.steps.size(); ++i) {
    const auto& [is, was] = std::pair(packed.rows.steps[i], vcpu.steps[i]);
    EXPECT_EQ(is.begin, time(was.begin));
    EXPECT_EQ(is.end, time(was.end));
    EXPECT_EQ(texts[is.text]["text"],
              vmm::describe_step(static_cast<vmm::VmmStep>(was.step), was.vector, was.arg));
  }
  ASSERT_EQ(packed.rows.injections.size(), vcpu.injections.size());
  for (std::size_t i = 0; i < vcpu.injections.size(); ++i) {
    const auto& [is, was] = std::pair(packed.rows.injections[i], vcpu.injections[i]);
    EXPECT_EQ(is.at, time(was.at));
    EXPECT_EQ(is.vector, was.vector);
    EXPECT_EQ(is.isr_entry, time(was.isr_entry));
    EXPECT_EQ(is.story, was.interrupt);
    EXPECT_EQ(is.reinjected, was.reinjected);
  }
  ASSERT_EQ(packed.rows.isrs.size(), vcpu.isrs.size());
  for (std::size_t i = 0; i < vcpu.isrs.size(); ++i) {
    const auto& [is, was] = std::pair(packed.rows.isrs[i], vcpu.isrs[i]);
    EXPECT_EQ(is.entry, time(was.entry));
    EXPECT_EQ(is.iret, time(was.iret));
    EXPECT_EQ(is.eoi, time(was.eoi));
    EXPECT_EQ(is.vector, was.vector);
    EXPECT_EQ(is.depth, was.depth);
    EXPECT_EQ(is.complete, was.complete);
    EXPECT_EQ(is.story, was.interrupt);
  }
  ASSERT_EQ(packed.rows.events.size(), vcpu.events.size());
  for (std::size_t i = 0; i < vcpu.events.size(); ++i) {
    const auto& [is, was] = std::pair(packed.rows.events[i], vcpu.events[i]);
    EXPECT_EQ(is.workload, was.workload);
    EXPECT_EQ(is.iteration, was.iteration);
    EXPECT_EQ(is.u0, time(was.u0));
    EXPECT_EQ(is.k1, time(was.k1));
    EXPECT_EQ(is.k2, time(was.k2));
    EXPECT_EQ(is.u3, time(was.u3));
    EXPECT_EQ(is.user_exits, was.user_exits);
  }
}

void expect_same_timeline(const trapline::test::PageElements& elements,
                          const recording::RecordingReader& reader) {
  const json dictionaries = json::parse(json_of(elements, "timeline-0"));
  const auto timeline = tracer::build_timeline(reader);
  ASSERT_TRUE(timeline);
  const auto vcpus = unpack(elements, dictionaries);
  ASSERT_EQ(vcpus.size(), timeline->vcpus.size());
  const Times time(timeline->begin);
  for (const auto& vcpu : timeline->vcpus) {
    const Unpacked& packed = vcpus.at(vcpu.vcpu);
    expect_same_exits(packed, vcpu, dictionaries["kinds"], time);
    expect_same_stories(packed, vcpu, dictionaries["shapes"], time);
    expect_same_rest(packed, vcpu, dictionaries["texts"], time);
  }
}

TEST_F(Page, HoldsTheTimelineAndTheReport) {
  test::StringSink sink;
  const auto size = write_recording_page({*reader_, {}, 1, {}}, sink);
  ASSERT_TRUE(size) << size.error().what;
  EXPECT_EQ(size->bytes, sink.text.size());
  const auto elements = elements_of(sink.text);
  expect_same_timeline(elements, *reader_);
  const auto summary = analysis::summarize(*reader_);
  ASSERT_TRUE(summary);
  constexpr auto replace = json::error_handler_t::replace;
  EXPECT_EQ(json::parse(json_of(elements, "report")),
            json::parse(report_json(*summary).dump(-1, ' ', false, replace)));
}

TEST_F(Page, HoldsALongTimelineInSeveralChunks) {
  record(40'000);
  test::StringSink sink;
  ASSERT_TRUE(write_recording_page({*reader_, {}, 1, {}}, sink));
  const auto elements = elements_of(sink.text);
  EXPECT_GT(elements.hot.size(), 2u);
  expect_same_timeline(elements, *reader_);
}

TEST_F(Page, AsksNobodyAndRunsNothingButItself) {
  test::StringSink sink;
  ASSERT_TRUE(write_recording_page({*reader_, {}, 1, {}}, sink));
  EXPECT_THAT(sink.text, HasSubstr("http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                                   "img-src data:; script-src 'sha256-"));
  EXPECT_EQ(sink.text.find(" src="), std::string::npos);
  EXPECT_EQ(sink.text.find("unsafe"), std::string::npos);
}

TEST_F(Page, RefusesWhatIsTooMuchWithCountsAndAWayOut) {
  test::StringSink sink;
  const auto size = write_recording_page({*reader_, {}, 1, {.items = 5000}}, sink);
  ASSERT_FALSE(size);
  EXPECT_THAT(
      size.error().what,
      testing::ContainsRegex("is too much for one page: [0-9]+ items \\([0-9]+ exits, [0-9]+ states"));
  EXPECT_THAT(size.error().remedy, HasSubstr("--from 0ns --to "));
  EXPECT_THAT(size.error().remedy, HasSubstr("--sample "));
}

TEST_F(Page, OfAPartSaysWhichAndHoldsNoMore) {
  test::StringSink sink;
  const auto timeline = tracer::build_timeline(*reader_);
  ASSERT_TRUE(timeline);
  const auto& exits = timeline->vcpus.front().exits;
  const std::uint64_t to = exits[exits.size() / 2].entry.value - timeline->begin.value;
  ASSERT_TRUE(write_recording_page({*reader_, {0, to, {0}}, 1, {}}, sink));
  const auto elements = elements_of(sink.text);
  const json page = json::parse(json_of(elements, "page"));
  EXPECT_EQ(page["window"]["to_ns"], to);
  EXPECT_EQ(page["window"]["vcpus"], json::array({0}));
  const json dictionaries = json::parse(json_of(elements, "timeline-0"));
  EXPECT_EQ(dictionaries["vcpus"].size(), 1u);
  EXPECT_LE(dictionaries["counts"]["exits"].get<std::size_t>(), exits.size() / 2 + 2);
}

TEST(PackedTimeline, ClampsTimesThatNoClockHas) {
  const test::SmallTimeline timeline;
  test::StringSink sink;
  TextBuffer out(sink);
  PackedTimeline packed(0, 1, 1000, out);
  packed.begin(timeline.head);
  tracer::Exit exit = timeline.exit;
  exit.exit = HostNs{~std::uint64_t{0} >> 2};
  exit.entry = HostNs{~std::uint64_t{0} >> 1};
  packed.exit(0, exit);
  packed.state(0, {HostNs{0}, HostNs{~std::uint64_t{0} >> 1}, tracer::State::guest});
  packed.end(exit.entry);
  ASSERT_TRUE(out.finish());
  const auto elements = elements_of(sink.text);
  ASSERT_EQ(elements.hot.size(), 1u);
  const auto chunk = trapline::test::unpack_hot(elements.hot[0], {});
  EXPECT_EQ(chunk.exits.front().begin, kFarthestNs);
  EXPECT_EQ(chunk.exits.front().end, kFarthestNs);
  EXPECT_EQ(chunk.states.front(), (trapline::test::UnpackedState{-1000, kFarthestNs, 0}));
}

}  // namespace
}  // namespace trapline::viewer
