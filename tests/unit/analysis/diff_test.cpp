#include "analysis/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "tests/support/busy_recording.h"
#include "tests/support/two_recordings.h"
#include "tests/unit/recording/sample_recording.h"

namespace trapline::analysis {
namespace {

using test::MadeRecording;
using test::Process;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::array kJudged = {Metric::rate, Metric::p50, Metric::p99, Metric::total};

RowKey exit_key(const std::string& reason) {
  RowKey key;
  key.reason = reason;
  return key;
}

const DiffRow& row(const Diff& diff, const RowKey& key) {
  for (const DiffRow& one : diff.rows) {
    if (one.key == key) return one;
  }
  throw std::out_of_range("no row " + key.reason);
}

const Change& change(const Diff& diff, const std::string& reason, Metric metric) {
  return *row(diff, exit_key(reason)).find(metric);
}

// How often each of kJudged is called different, in percent, where both recordings are of the same process.
std::map<Metric, double> called_different(const Process& process, std::uint64_t pairs,
                                          const Process& second) {
  std::map<Metric, double> called;
  for (std::uint64_t seed = 1; seed <= pairs; ++seed) {
    MadeRecording a(2 * seed);
    MadeRecording b(2 * seed + 1);
    a.add("io", process);
    b.add("io", second);
    const auto found = diff(a.take(), b.take());
    for (const Metric metric : kJudged)
      called[metric] += change(*found, "io", metric).measurable() ? 100.0 / static_cast<double>(pairs) : 0;
  }
  return called;
}

struct Named {
  const char* name;
  Process process;
};
void PrintTo(const Named& named, std::ostream* out) {
  *out << named.name;
}

class SameProcess : public testing::TestWithParam<Named> {};

// Of 400 pairs 5 % are 20. Memory that is as long as a slice makes it more; the seeds are always the same.
TEST_P(SameProcess, IsCalledDifferentAboutAsOftenAsTheLevelSays) {
  const Process& process = GetParam().process;
  for (const auto& [metric, percent] : called_different(process, 400, process)) {
    EXPECT_LE(percent, 8) << metric_name(metric);
    RecordProperty(std::string(metric_name(metric)), std::to_string(percent));
  }
}

INSTANTIATE_TEST_SUITE_P(Diff, SameProcess,
                         testing::Values(Named{"Independent", {}}, Named{"Few", {.exits = 600}},
                                         Named{"DurationsThatRemember", {.memory = 0.9}},
                                         Named{"RateThatRemembers", {.exits = 5000, .burst = 0.7}},
                                         Named{"BothRemember",
                                               {.exits = 5000, .memory = 0.95, .burst = 0.8}}),
                         [](const auto& of) { return of.param.name; });

TEST(Diff, AShiftOfTenPercentIsFound) {
  const Process before{.exits = 5000};
  const Process after{.exits = 5500, .median_ns = 11'000};
  const auto called = called_different(before, 40, after);
  for (const Metric metric : kJudged)
    EXPECT_GE(called.at(metric), 95) << metric_name(metric);
}

TEST(Diff, AShiftOfDurationsThatRememberIsFoundWithMoreOfThem) {
  const auto called = called_different({.exits = 20'000, .memory = 0.9}, 20,
                                       {.exits = 20'000, .median_ns = 11'000, .memory = 0.9});
  EXPECT_GE(called.at(Metric::p50), 95);
}

TEST(Diff, EqualRecordingsHaveNoDifference) {
  const auto made = [] {
    MadeRecording recording(1);
    recording.add("io", {});
    recording.add("cpuid", {.exits = 50});
    return recording.take();
  };
  const auto found = diff(made(), made());
  for (const DiffRow& one : found->rows) {
    for (const Change& of : one.changes) {
      EXPECT_EQ(of.difference(), 0);
      EXPECT_FALSE(of.measurable());
    }
  }
}

// Counted time: every duration is the same each time, so that one instruction is a difference.
TEST(Diff, FiguresWithoutNoiseDifferByTheLeast) {
  const auto made = [](std::uint64_t duration) {
    MadeRecording recording(1, 1'000'000);
    for (std::uint64_t i = 0; i < 100; ++i)
      recording.exit("io", i * 10'000, duration);
    return recording.take();
  };
  const auto found = diff(made(1000), made(1001));
  EXPECT_EQ(change(*found, "io", Metric::p50).verdict, Verdict::more);
  EXPECT_EQ(change(*found, "io", Metric::rate).verdict, Verdict::none);
}

TEST(Diff, TooFewSamplesHaveNoInterval) {
  const auto made = [](std::uint64_t seed) {
    MadeRecording recording(seed);
    for (std::uint64_t i = 0; i < kFewestSamples - 1; ++i)
      recording.exit("rare", i * 1'000'000, 1000 * seed);
    for (std::uint64_t i = 0; i < kFewestSamples; ++i)
      recording.exit("enough", i * 1'000'000, 1000 * seed);
    return recording.take();
  };
  const auto found = diff(made(1), made(2));
  for (const Metric metric : {Metric::count, Metric::rate, Metric::p50, Metric::p99, Metric::total})
    EXPECT_EQ(change(*found, "rare", metric).verdict, Verdict::too_few) << metric_name(metric);
  EXPECT_EQ(change(*found, "enough", Metric::p50).verdict, Verdict::more);
  EXPECT_EQ(change(*found, "enough", Metric::p99).verdict, Verdict::too_few) << "none of 20 is beyond it";
}

TEST(Diff, AP99NeedsSamplesBeyondIt) {
  const auto made = [] {
    MadeRecording recording(1);
    for (std::uint64_t i = 0; i < 500; ++i) {
      if (i != 0) recording.exit("499", i * 1'000'000, 1000);
      recording.exit("500", i * 1'000'000, 1000);
    }
    return recording.take();
  };
  const auto found = diff(made(), made());
  EXPECT_EQ(change(*found, "499", Metric::p99).verdict, Verdict::too_few);
  EXPECT_EQ(change(*found, "500", Metric::p99).verdict, Verdict::none);
}

TEST(Diff, WhatOnlyOneHasIsARowWithoutPercentiles) {
  MadeRecording a(1);
  MadeRecording b(2);
  a.add("gone", {});
  b.add("new", {});
  const auto found = diff(a.take(), b.take());
  const DiffRow& gone = row(*found, exit_key("gone"));
  EXPECT_TRUE(gone.only_in_a());
  EXPECT_EQ(gone.find(Metric::p50), nullptr);
  EXPECT_EQ(gone.find(Metric::rate)->verdict, Verdict::less);
  EXPECT_EQ(gone.find(Metric::rate)->percent(gone.find(Metric::rate)->difference()), -100);
  const DiffRow& added = row(*found, exit_key("new"));
  EXPECT_TRUE(added.only_in_b());
  EXPECT_EQ(added.find(Metric::count)->verdict, Verdict::more);
  EXPECT_EQ(added.find(Metric::count)->percent(1), std::nullopt);
}

// A thousand exits in one moment are one observation.
TEST(Diff, OneBurstMeasuresNothing) {
  MadeRecording a(1);
  MadeRecording b(2);
  for (std::uint64_t i = 0; i < 1000; ++i)
    b.exit("burst", 5'000'000'000 + i * 1000, 500);
  const auto found = diff(a.take(), b.take());
  EXPECT_EQ(change(*found, "burst", Metric::rate).verdict, Verdict::none);
}

TEST(Diff, RatesArePerSecondOfTracedTimeCountsAreNot) {
  MadeRecording a(1);
  MadeRecording b(2, 2 * test::kTracedNs);
  a.add("io", {.exits = 4000});
  b.add("io", {.exits = 8000});
  const auto found = diff(a.take(), b.take());
  EXPECT_EQ(change(*found, "io", Metric::rate).verdict, Verdict::none);
  EXPECT_NEAR(change(*found, "io", Metric::rate).b, 400, 20);
  EXPECT_EQ(change(*found, "io", Metric::count).verdict, Verdict::more);
  EXPECT_FALSE(row(*found, exit_key("io")).differs) << "but for its length";
  EXPECT_THAT(found->warnings, ElementsAre(HasSubstr("traced times differ")));
}

// One of them has more samples than are kept: what the histogram cannot tell apart is no difference.
TEST(Diff, ARoughPercentileIsComparedAsRoughly) {
  MadeRecording a(1);
  MadeRecording b(2);
  for (std::uint64_t i = 0; i < 1000; ++i)
    a.exit("io", i * 1'000'000, 10'000);
  for (std::uint64_t i = 0; i <= Distribution::kExactLimit; ++i)
    b.exit("io", i * 10'000, 10'020);
  const auto found = diff(a.take(), b.take());
  EXPECT_EQ(change(*found, "io", Metric::p50).verdict, Verdict::none);
  EXPECT_NEAR(change(*found, "io", Metric::p50).a, 10'000, 100);
}

// 20 ns from the kernel's clock to the guest's: each recording may be off by 10 ns. Not so within one clock.
TEST(Diff, WhatTheClocksMayBeOffByIsNoDifference) {
  const auto made = [](std::uint64_t latency, tracer::LinkedBy injected_by) {
    RowCollector collector(TimeGrid::over(HostNs{0}, HostNs{100'000}), false);
    tracer::TimelineHead head;
    head.clock_bound_ns = 10;
    collector.begin(head);
    for (std::uint64_t at = 0; at < 100'000; at += 1000) {
      tracer::Interrupt interrupt;
      interrupt.vector = 0x40;
      interrupt.link(tracer::Link::injected) = {HostNs{at}, injected_by};
      interrupt.link(tracer::Link::isr_entry) = {HostNs{at + latency}, tracer::LinkedBy::guest_stamp};
      collector.interrupt(interrupt);
    }
    return collector.take();
  };
  RowKey key;
  key.kind = RowKind::latency;
  key.vector = 0x40;
  key.stretch = 2;  // injected to ISR
  const auto p50 = [&](std::uint64_t latency, tracer::LinkedBy injected_by) {
    return row(*diff(made(100, injected_by), made(latency, injected_by)), key).find(Metric::p50)->verdict;
  };
  EXPECT_EQ(p50(120, tracer::LinkedBy::entry), Verdict::none);
  EXPECT_EQ(p50(121, tracer::LinkedBy::entry), Verdict::more);
  EXPECT_EQ(p50(101, tracer::LinkedBy::vmm_step), Verdict::more);
}

TEST(Diff, StatesAreSharesOfTheTracedTime) {
  const auto made = [](std::uint64_t halted) {
    RowCollector collector(TimeGrid::over(HostNs{0}, HostNs{100'000}), false);
    for (std::uint64_t at = 0; at < 100'000; at += 1000) {
      collector.state(0, {HostNs{at}, HostNs{at + halted}, tracer::State::halted});
      collector.state(0, {HostNs{at + halted}, HostNs{at + 1000}, tracer::State::guest});
    }
    return collector.take();
  };
  const auto found = diff(made(200), made(300));
  RowKey halted;
  halted.kind = RowKind::state;
  halted.state = tracer::State::halted;
  const Change& share = *row(*found, halted).find(Metric::share);
  EXPECT_DOUBLE_EQ(share.a, 0.2);
  EXPECT_DOUBLE_EQ(share.b, 0.3);
  EXPECT_EQ(share.verdict, Verdict::more);
}

TEST(TimeGrid, TimeIsSpreadOverTheSlicesThatItLiesIn) {
  const TimeGrid grid = TimeGrid::over(HostNs{1000}, HostNs{1000 + 128 * 10 - 1});
  ASSERT_EQ(grid.width_ns, 10u);
  PerSlice over{};
  grid.spread(HostNs{995}, HostNs{1025}, over);
  EXPECT_THAT(std::vector(over.begin(), over.begin() + 4), ElementsAre(15, 10, 5, 0)) << "before: the first";
  over = {};
  grid.spread(HostNs{1000 + 127 * 10}, HostNs{5000}, over);
  EXPECT_EQ(over.back(), 5000u - 1000 - 127 * 10) << "behind: the last";
}

TEST(TimeGrid, TimesAtTheEndOfTheClockDoNotGoRound) {
  constexpr std::uint64_t kEnd = ~std::uint64_t{0};
  for (const std::uint64_t begin : {kEnd, kEnd - 10}) {
    const TimeGrid grid = TimeGrid::over(HostNs{begin}, HostNs{kEnd});
    PerSlice over{};
    grid.spread(HostNs{5}, HostNs{kEnd}, over);
    EXPECT_EQ(std::accumulate(over.begin(), over.end(), std::uint64_t{0}), kEnd - 5);
  }
}

TEST(Diff, MinCountLeavesOutWhatIsRareInBoth) {
  MadeRecording a(1);
  MadeRecording b(2);
  a.add("io", {});
  b.add("io", {});
  a.exit("rare", 1000, 10);
  const auto found = diff(a.take(), b.take(), {.min_count = 2});
  EXPECT_EQ(found->rows_left_out, 1u);
  EXPECT_EQ(found->rows.size(), 2u) << "io, and the state guest";
}

TEST(Diff, TimesOfDifferentKindsAreRefused) {
  RecordingRows a;
  RecordingRows b;
  a.info.time_kind = recording::TimeKind::counted;
  b.info.time_kind = recording::TimeKind::emulated;
  const auto found = diff(a, b);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().status, ExitStatus::wrong_usage);
  EXPECT_THAT(found.error().what, HasSubstr("nanoseconds of A are counted, those of B are emulated"));
}

TEST(Diff, DoubtsAreNamed) {
  RecordingRows a;
  RecordingRows b;
  a.whole.ended = b.whole.ended = "finished";
  EXPECT_THAT(diff(a, b)->warnings, IsEmpty());
  a.whole.records_lost = 7;
  b.whole.ended = "cut off: the recorder did not come to its end";
  a.info.mode = "full";
  b.info.mode = "light";
  EXPECT_THAT(diff(a, b)->warnings,
              ElementsAre("A lost 7 records: its counts are too low", "B was cut off: its end is missing",
                          "different probes: full in A, light in B"));
}

TEST(Diff, RowsAreSortedByTheSizeOfTheirChange) {
  MadeRecording a(1);
  MadeRecording b(2);
  a.exit("slower", 0, 100);
  b.exit("slower", 0, 900);
  a.exit("much faster", 0, 5000);
  b.exit("much faster", 0, 1000);
  auto found = diff(a.take(), b.take());
  sort_rows(*found, Metric::total);
  EXPECT_EQ(found->rows[0].key.reason, "much faster");
  sort_rows(*found, Metric::count);
  EXPECT_EQ(found->rows[0].key.reason, "much faster") << "equal: by name";
  sort_rows(*found, std::nullopt);
  EXPECT_EQ(found->rows[1].key.reason, "slower");
}

class RecordedDiff : public testing::Test {
 protected:
  [[nodiscard]] RecordingRows read(std::uint64_t exits, bool per_vcpu) const {
    const auto folder = scratch_ / std::to_string(exits);
    if (!std::filesystem::exists(folder)) {
      EXPECT_TRUE(trapline::test::write_busy_recording(folder, exits));
    }
    const auto reader = recording::RecordingReader::open(folder);
    EXPECT_TRUE(reader);
    auto rows = read_rows(*reader, per_vcpu);
    EXPECT_TRUE(rows);
    return std::move(*rows);
  }

  recording::test::TemporaryFolder scratch_;
};

TEST_F(RecordedDiff, RowsAreSumsOverVcpusOrApart) {
  const RecordingRows all = read(4000, false);
  const RecordingRows apart = read(4000, true);
  std::uint64_t checked = 0;
  for (const auto& [key, samples] : all.rows) {
    RowKey of_vcpu = key;
    std::uint64_t sum = 0;
    for (const std::uint16_t vcpu : {std::uint16_t{0}, std::uint16_t{1}}) {
      of_vcpu.vcpu = vcpu;
      const auto found = apart.rows.find(of_vcpu);
      if (found != apart.rows.end()) sum += found->second.count;
    }
    EXPECT_EQ(sum, samples.count) << key.reason;
    checked += samples.count;
  }
  EXPECT_GT(checked, 8000u);
  EXPECT_EQ(all.vcpus, 2u);
}

TEST_F(RecordedDiff, EveryKindOfRowIsThereAndTimesAddUp) {
  const RecordingRows rows = read(4000, false);
  std::map<RowKind, std::uint64_t> kinds;
  std::uint64_t in_states = 0;
  for (const auto& [key, samples] : rows.rows) {
    ++kinds[key.kind];
    if (key.kind == RowKind::state) in_states += samples.total_ns;
  }
  EXPECT_EQ(kinds.size(), 4u);
  std::uint64_t traced = 0;
  for (const std::uint64_t ns : rows.traced.at(std::nullopt))
    traced += ns;
  EXPECT_EQ(in_states, traced) << "cut into slices, and whole";
}

TEST_F(RecordedDiff, ALongerRecordingOfTheSameHasTheSameRates) {
  const auto found = diff(read(4000, false), read(6000, false));
  ASSERT_TRUE(found);
  for (const DiffRow& one : found->rows) {
    const Change* rate = one.find(Metric::rate);
    if (rate == nullptr) continue;
    EXPECT_FALSE(rate->measurable()) << one.key.reason << one.key.vector;
  }
}

}  // namespace
}  // namespace trapline::analysis
