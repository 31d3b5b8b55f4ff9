#include "analysis/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "viewer/diff_row_name.h"
#include "viewer/json/diff_json.h"
#include "viewer/tables/diff_table.h"

namespace trapline::viewer {
namespace {

using analysis::Change;
using analysis::Diff;
using analysis::DiffRow;
using analysis::Metric;
using analysis::RowKey;
using analysis::RowKind;
using analysis::Verdict;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

RowKey key_of(RowKind kind) {
  RowKey key;
  key.kind = kind;
  key.vector = 0x40;
  key.source = tracer::InterruptSource::timer;
  key.state = tracer::State::halted;
  return key;
}

DiffRow exit_row(const std::string& reason, std::uint64_t a, std::uint64_t b, std::vector<Change> changes) {
  DiffRow row;
  row.key.reason = reason;
  row.count_a = a;
  row.count_b = b;
  row.changes = std::move(changes);
  for (const Change& change : row.changes)
    row.differs = row.differs || change.measurable();
  return row;
}

// One row that differs, one that does not, one that is gone.
Diff small_diff() {
  Diff diff;
  diff.a.info.path = "hvm";
  diff.a.info.command_line = "trapline run -o A";
  diff.a.whole.ended = diff.b.whole.ended = "finished";
  diff.a.traced_ns = diff.b.traced_ns = 1'000'000'000;
  diff.a.vcpus = diff.b.vcpus = 1;
  diff.rows = {
      exit_row("io", 1000, 1000,
               {{Metric::rate, 1000, 1000, {-10, 10}, Verdict::none},
                {Metric::p50, 10'000, 11'000, {900, 1100}, Verdict::more},
                {Metric::p99, 20'000, 21'000, {}, Verdict::too_few}}),
      exit_row("hlt", 50, 52,
               {{Metric::rate, 50, 52, {-5, 9}, Verdict::none}, {Metric::p99, 20, 21, {}, Verdict::too_few}}),
      exit_row("msr", 600, 0,
               {{Metric::count, 600, 0, {-650, -550}, Verdict::less},
                {Metric::rate, 600, 0, {-650, -550}, Verdict::less},
                {Metric::total, 1e6, 0, {-2e6, -5e5}, Verdict::less}}),
  };
  diff.compared = 40;
  return diff;
}

std::vector<analysis::ConditionOutcome> outcomes_of(const Diff& diff, const char* condition) {
  return *check_conditions({*analysis::parse_condition(condition)}, diff, diff_row_names(diff));
}

TEST(DiffRowName, SaysWhatTheRowIsAbout) {
  RowKey exit = key_of(RowKind::exit);
  exit.reason = "io";
  exit.key = "port 0x3f8 out 1";
  EXPECT_EQ(diff_row_name(exit), "exit io port 0x3f8 out 1");
  exit.cause = tracer::Cause::async;
  exit.key = "\x1b[2J";
  exit.vcpu = 3;
  EXPECT_EQ(diff_row_name(exit), "vCPU 3 async exit io .[2J");
  EXPECT_EQ(diff_row_name(key_of(RowKind::interrupt)), "interrupt 0x40 timer");
  EXPECT_EQ(diff_row_name(key_of(RowKind::latency)), "latency 0x40 timer raised-accepted");
  EXPECT_EQ(diff_row_name(key_of(RowKind::state)), "state halted");
}

TEST(DiffTable, SaysOfEachRowWhetherADifferenceIsMeasurable) {
  const Diff diff = small_diff();
  const std::string text = diff_text(diff, diff_row_names(diff), {});
  EXPECT_TRUE(text.starts_with("A: finished of 1 s traced, 1 vCPU, path hvm, Linux ")) << text;
  EXPECT_THAT(text, HasSubstr("\n2 of 3 rows differ measurably\n"));
  EXPECT_THAT(text, HasSubstr("intervals: 95 %"));
  EXPECT_THAT(text, HasSubstr("of 40 of them about 2 have no 0 in them by chance\n"));
  EXPECT_THAT(text, HasSubstr("What differs measurably\n"
                              "  row     metric      A      B change 95 % interval B has\n"
                              "  exit io rate   1000/s 1000/s      0    -1 .. +1 % no difference measurable\n"
                              "          p50     10 us  11 us  +10 %   +9 .. +11 % more\n"
                              "          p99     20 us  21 us   +5 %             - too few samples\n"));
  EXPECT_THAT(text, HasSubstr("What only one of them has\n"
                              "  row      only in count rate or share total\n"
                              "  exit msr       A   600         600/s  1 ms measurable\n"));
  EXPECT_THAT(text, HasSubstr("  row      count A count B         rate p50     p99 total share\n"
                              "  exit hlt      50      52 -10 .. +18 %   - too few     -     -\n"));
}

TEST(DiffTable, SaysSoWhenNothingDiffers) {
  Diff diff = small_diff();
  diff.rows = {diff.rows[1]};
  const std::string text = diff_text(diff, diff_row_names(diff), {});
  EXPECT_THAT(text, HasSubstr("\nNo difference measurable in any of 1 rows\n"));
  EXPECT_THAT(text, Not(HasSubstr("What differs")));
  EXPECT_THAT(text, Not(HasSubstr("only one of them")));
}

TEST(DiffTable, WarningsComeBeforeAllFigures) {
  Diff diff = small_diff();
  diff.warnings = {"A lost 7 records"};
  const std::string text = diff_text(diff, diff_row_names(diff), {});
  EXPECT_LT(text.find("warning: A lost 7 records\n"), text.find("measurabl"));
}

TEST(DiffTable, AnIntervalOfAMerelyLongerTotalIsLeftOut) {
  Diff diff = small_diff();
  diff.rows = {exit_row("io", 1000, 2000,
                        {{Metric::rate, 1000, 1000, {-10, 10}, Verdict::none},
                         {Metric::total, 1e6, 2e6, {9e5, 1.1e6}, Verdict::more}})};
  diff.rows[0].differs = false;
  EXPECT_THAT(diff_text(diff, diff_row_names(diff), {}),
              HasSubstr("  row     count A count B       rate p50 p99 total share\n"
                        "  exit io    1000    2000 -1 .. +1 %   -   -     -     -\n"));
}

TEST(DiffTable, NamesTheRowsThatFailed) {
  const Diff diff = small_diff();
  const auto names = diff_row_names(diff);
  EXPECT_THAT(diff_text(diff, names, outcomes_of(diff, "p50>+5%")),
              HasSubstr("\n--fail-on 'p50>+5%': HOLDS for 1 of 1 rows\n"
                        "  exit io: p50 10 us in A, 11 us in B: +10 %\n"));
  EXPECT_THAT(
      diff_text(diff, names, outcomes_of(diff, "p99>+5%")),
      HasSubstr("\n--fail-on 'p99>+5%': holds for none of 0 rows; 2 more have too few samples to tell\n"));
}

TEST(DiffJson, HasEveryRowWithItsChanges) {
  const Diff diff = small_diff();
  const auto document = diff_json(diff, diff_row_names(diff), outcomes_of(diff, "p50>+5%"));
  EXPECT_EQ(document["schema"], "trapline.diff/1");
  EXPECT_EQ(document["a"]["context"]["path"], "hvm");
  EXPECT_EQ(document["intervals"]["level"], 0.95);
  ASSERT_EQ(document["rows"].size(), 3u);
  const auto& io = document["rows"][0];
  EXPECT_EQ(io["name"], "exit io");
  EXPECT_EQ(io["kind"], "exit");
  EXPECT_EQ(io["cause"], "guest");
  EXPECT_EQ(io["in"], "both");
  EXPECT_TRUE(io["vcpu"].is_null());
  EXPECT_EQ(io["changes"]["p50"]["difference"], 1000);
  EXPECT_EQ(io["changes"]["p50"]["percent"], 10);
  EXPECT_EQ(io["changes"]["p50"]["interval"]["low_percent"], 9);
  EXPECT_EQ(io["changes"]["p50"]["verdict"], "more");
  EXPECT_TRUE(io["changes"]["p99"]["interval"].is_null());
  EXPECT_EQ(io["changes"]["p99"]["verdict"], "too few samples");
  EXPECT_EQ(document["rows"][2]["in"], "a");
  EXPECT_EQ(document["fail_on"][0]["holds"], true);
  EXPECT_THAT(document["fail_on"][0]["rows"], ElementsAre("exit io"));
}

TEST(DiffJson, PercentOfNothingIsNull) {
  Diff diff = small_diff();
  diff.rows = {exit_row("new", 0, 100, {{Metric::rate, 0, 100, {90, 110}, Verdict::more}})};
  const auto document = diff_json(diff, diff_row_names(diff), {});
  const auto& rate = document["rows"][0]["changes"]["rate"];
  EXPECT_EQ(document["rows"][0]["in"], "b");
  EXPECT_TRUE(rate["percent"].is_null());
  EXPECT_TRUE(rate["interval"]["low_percent"].is_null());
  EXPECT_EQ(rate["interval"]["low"], 90);
}

}  // namespace
}  // namespace trapline::viewer
