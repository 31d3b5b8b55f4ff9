#include "analysis/fail_on.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trapline::analysis {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Change change(Metric metric, double a, double b) {
  return {metric, a, b, {}, a < b ? Verdict::more : (a > b ? Verdict::less : Verdict::none)};
}

DiffRow row(std::vector<Change> changes) {
  DiffRow made;
  made.count_a = made.count_b = 1000;
  made.changes = std::move(changes);
  return made;
}

TEST(FailOn, ReadsWhatItIsGiven) {
  struct Expected {
    std::string_view text;
    std::string_view rows;
    Metric metric;
    bool percent;
    double threshold;
  };
  for (const auto& expected : {
           Expected{"p99>+10%", "", Metric::p99, true, 10},
           Expected{"rate<-5%", "", Metric::rate, true, -5},
           Expected{"exit io port 0x3f8: p50 > +1.5us", "exit io port 0x3f8", Metric::p50, false, 1500},
           Expected{"  exit   hlt :total>+2ms ", "exit hlt", Metric::total, false, 2e6},
           Expected{"count>+0", "", Metric::count, false, 0},
           Expected{"rate>+100/s", "", Metric::rate, false, 100},
           Expected{"state halted: share<-2.5points", "state halted", Metric::share, false, -0.025},
       }) {
    const auto condition = parse_condition(expected.text);
    ASSERT_TRUE(condition) << expected.text << condition.error().text();
    EXPECT_EQ(condition->text, expected.text);
    EXPECT_EQ(condition->rows, expected.rows);
    EXPECT_EQ(condition->metric, expected.metric);
    EXPECT_EQ(condition->percent, expected.percent);
    EXPECT_DOUBLE_EQ(condition->threshold, expected.threshold);
  }
}

TEST(FailOn, NamesThePlaceAndWhatCouldStandThere) {
  struct Wrong {
    std::string_view text;
    const char* what;
    const char* remedy;
  };
  for (const auto& wrong : {
           Wrong{"p95>+10%", "at place 1: 'p95' is no metric", "count, rate, p50, p99, total, share"},
           Wrong{"", "at place 1: a metric is missing", "count, rate"},
           Wrong{": p50>+1%", "at place 1: there are no rows", "words"},
           Wrong{"exit hlt: mean>+1%", "at place 11: 'mean' is no metric", "p50"},
           Wrong{"p99", "at place 4: > or < is missing", "p99>+10%"},
           Wrong{"p99>10%", "at place 5: after > a change with + is missing", "rate<-5%"},
           Wrong{"p99>-10%", "at place 5: after > a change with + is missing", "rate<-5%"},
           Wrong{"p99<+10%", "at place 5: after < a change with - is missing", "rate<-5%"},
           Wrong{"p99>+%", "at place 6: a number is missing", "p99>+10%"},
           Wrong{"p99>+1.2.3%", "at place 6: a number is missing", "p99>+10%"},
           Wrong{"p99>+10", "at place 8: a unit is missing", "%, ns, us, ms, s"},
           Wrong{"p99>+10/s", "at place 8: '/s' is no unit of p99", "%, ns, us, ms, s"},
           Wrong{"rate>+10us", "at place 9: 'us' is no unit of rate", "%, /s"},
           Wrong{"count>+10us", "at place 10: 'us' is no unit of count", "%, or no unit"},
           Wrong{"p99>+10% and more", "is no unit of p99", "%"},
       }) {
    const auto condition = parse_condition(wrong.text);
    ASSERT_FALSE(condition) << wrong.text;
    EXPECT_THAT(condition.error().what, HasSubstr(wrong.what)) << wrong.text;
    EXPECT_THAT(condition.error().remedy, HasSubstr(wrong.remedy)) << wrong.text;
    EXPECT_EQ(condition.error().status, ExitStatus::wrong_usage);
  }
}

TEST(FailOn, HoldsForWhatIsMeasurableAndBeyondTheThreshold) {
  const auto holds = [](std::string_view condition, const Change& of) {
    return parse_condition(condition)->holds_for(of);
  };
  EXPECT_TRUE(holds("p99>+10%", change(Metric::p99, 100, 111)));
  EXPECT_FALSE(holds("p99>+10%", change(Metric::p99, 100, 110)));
  EXPECT_FALSE(holds("p99>+10%", change(Metric::p99, 100, 50)));
  EXPECT_TRUE(holds("p99>+10ns", change(Metric::p99, 100, 111)));
  EXPECT_TRUE(holds("rate<-5%", change(Metric::rate, 100, 94)));
  EXPECT_FALSE(holds("rate<-5%", change(Metric::rate, 100, 96)));
  EXPECT_FALSE(holds("rate<-5%", change(Metric::rate, 100, 200)));
  EXPECT_TRUE(holds("count<-0", change(Metric::count, 100, 99)));
  EXPECT_FALSE(holds("count<-0", change(Metric::count, 100, 101)));
  EXPECT_TRUE(holds("rate>+1000%", change(Metric::rate, 0, 1))) << "there was none before";
  Change noise = change(Metric::p99, 100, 200);
  noise.verdict = Verdict::none;
  EXPECT_FALSE(holds("p99>+10%", noise));
  noise.verdict = Verdict::too_few;
  EXPECT_FALSE(holds("p99>+10%", noise));
}

TEST(FailOn, RowsAreChosenByWholeWords) {
  EXPECT_TRUE(names_row("", "exit hlt"));
  EXPECT_TRUE(names_row("io port 0x3f8", "exit io port 0x3f8 out 1"));
  EXPECT_TRUE(names_row("exit", "async exit interrupt"));
  EXPECT_FALSE(names_row("port 0x3f", "exit io port 0x3f8 out 1"));
  EXPECT_FALSE(names_row("io 0x3f8", "exit io port 0x3f8 out 1"));
}

TEST(FailOn, SaysWhichRowsFailedAndHowManyCouldNotBeJudged) {
  Change few = change(Metric::p99, 1, 9);
  few.verdict = Verdict::too_few;
  Diff diff;
  diff.rows = {row({change(Metric::p99, 100, 150)}), row({change(Metric::p99, 100, 101)}), row({few}),
               row({change(Metric::rate, 1, 9)})};
  const std::vector<std::string> names = {"exit a", "exit b", "exit c", "interrupt d"};
  const auto outcomes =
      check_conditions({*parse_condition("p99>+10%"), *parse_condition("exit b: p99>+10%")}, diff, names);
  ASSERT_TRUE(outcomes);
  EXPECT_THAT((*outcomes)[0].failed, ElementsAre(0));
  EXPECT_EQ((*outcomes)[0].judged, 2u);
  EXPECT_EQ((*outcomes)[0].not_judged, 1u);
  EXPECT_THAT((*outcomes)[1].failed, ElementsAre());
  EXPECT_EQ((*outcomes)[1].judged, 1u);
}

TEST(FailOn, AConditionAboutNoRowIsWrong) {
  Diff diff;
  diff.rows = {row({change(Metric::p99, 100, 150)})};
  for (const char* text : {"exit hlt: p99>+10%", "exit a: rate>+10%"}) {
    const auto outcomes = check_conditions({*parse_condition(text)}, diff, {"exit a"});
    ASSERT_FALSE(outcomes) << text;
    EXPECT_EQ(outcomes.error().status, ExitStatus::wrong_usage);
  }
}

}  // namespace
}  // namespace trapline::analysis
