// trapline diff of recordings made on real KVM.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/trapline.h"

namespace trapline::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

constexpr char kEoi[] = "exit msr msr 0x80b x2APIC EOI write";

// Two recordings of one program, and of a timer with and without paravirtual EOI.
class DiffTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    workspace_ = new Workspace;
    record("once", {"--workload", "pio", "-n", "500"});
    record("again", {"--workload", "pio", "-n", "500"});
    record("hvm", {"--workload", "timer", "-n", "200"});
    record("hvm-pv", {"--workload", "timer", "-n", "200", "--path", "hvm-pv"});
  }
  static void TearDownTestSuite() { delete workspace_; }

  static void record(const std::string& name, std::vector<std::string> options) {
    options.insert(options.begin(), {"run", "-q", "--no-probe-cost", "-o", workspace_->path(name)});
    const auto result = trapline(options);
    ASSERT_EQ(result.status, 0) << result.err;
  }

  static CommandResult diff(const std::string& a, const std::string& b,
                            std::vector<std::string> options = {}) {
    options.insert(options.begin(), {"diff", workspace_->path(a), workspace_->path(b)});
    return trapline(options);
  }

  static json diff_json(const std::string& a, const std::string& b,
                        const std::vector<std::string>& options = {}) {
    std::vector<std::string> with_json = options;
    with_json.emplace_back("--json");
    const auto result = diff(a, b, with_json);
    EXPECT_EQ(result.status, 0) << result.err;
    return json::parse(result.out);
  }

  static json row(const json& diff, const std::string& name) {
    for (const json& one : diff["rows"]) {
      if (one["name"] == name) return one;
    }
    ADD_FAILURE() << "no row " << name << '\n' << diff.dump(1);
    return {};
  }

  static inline Workspace* workspace_ = nullptr;
};

TEST_F(DiffTest, WhatOneProgramDoesTwiceIsNotDifferent) {
  const json document = diff_json("once", "again");
  EXPECT_EQ(document["a"]["lost"]["records"], 0);
  const json port = row(document, "exit io port 0xf5 out 1");
  EXPECT_EQ(port["count_a"], 500);
  EXPECT_EQ(port["changes"]["count"]["difference"], 0);
  EXPECT_EQ(port["changes"]["count"]["verdict"], "no difference measurable");
  for (const json& one : document["rows"]) {
    if (one["kind"] != "exit" || one["cause"] != "guest") continue;
    EXPECT_EQ(one["in"], "both") << one;
    EXPECT_EQ(one["count_a"], one["count_b"]) << one;
    EXPECT_FALSE(one["changes"]["count"]["measurable"]) << one;
  }
}

TEST_F(DiffTest, ARecordingDiffersInNothingFromItself) {
  const auto result = diff("once", "once");
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("\nNo difference measurable in any of "));
  EXPECT_THAT(result.out, Not(HasSubstr("warning")));
  EXPECT_THAT(result.out, Not(HasSubstr("What differs")));
}

TEST_F(DiffTest, EoiExitsThatVanishAreNamed) {
  const json document = diff_json("hvm", "hvm-pv");
  const json eoi = row(document, kEoi);
  EXPECT_GE(eoi["count_a"], 200);
  EXPECT_LT(eoi["count_b"], 50);
  EXPECT_EQ(eoi["changes"]["rate"]["verdict"], "less");
  EXPECT_LT(eoi["changes"]["rate"]["interval"]["high_percent"], -50);
  const json timers = row(document, "interrupt 0x40 timer");
  EXPECT_GE(timers["count_a"], 200) << "not because there were fewer timers";
  EXPECT_GE(timers["count_b"], 200);
  EXPECT_THAT(diff("hvm", "hvm-pv").out, HasSubstr(kEoi));
}

TEST_F(DiffTest, FailOnTripsOnAMeasurableChangeAndNamesTheRow) {
  const std::string condition = "exit msr msr 0x80b: rate<-50%";
  const auto failed = diff("hvm", "hvm-pv", {"--fail-on", condition});
  EXPECT_EQ(failed.status, 1) << failed.err;
  EXPECT_THAT(failed.out, HasSubstr("--fail-on '" + condition + "': HOLDS for 1 of 1 rows"));
  EXPECT_THAT(failed.out, HasSubstr(std::string("\n  ") + kEoi + ": rate "));
  const auto as_json = diff("hvm", "hvm-pv", {"--json", "--fail-on", condition});
  EXPECT_EQ(as_json.status, 1);
  EXPECT_EQ(json::parse(as_json.out)["fail_on"][0]["rows"], json::array({kEoi}));

  const auto passed = diff("once", "again", {"--fail-on", "io: count>+0", "--fail-on", "io: count<-0"});
  EXPECT_EQ(passed.status, 0) << passed.err;
  EXPECT_THAT(passed.out, HasSubstr("holds for none of "));
}

TEST_F(DiffTest, WrongUsageIsSaidBeforeAnythingIsRead) {
  const auto no_metric = diff("once", "not there", {"--fail-on", "p95>+10%"});
  EXPECT_EQ(no_metric.status, 2);
  EXPECT_THAT(no_metric.err, HasSubstr("'p95' is no metric"));
  EXPECT_EQ(diff("once", "not there").status, 1);
  const auto first =
      trapline({"diff", "--fail-on", "count>+0", workspace_->path("once"), workspace_->path("once")});
  EXPECT_EQ(first.status, 0) << "a condition takes one word: " << first.err;
  const auto no_row = diff("once", "again", {"--fail-on", "exit nothing: p50>+10%"});
  EXPECT_EQ(no_row.status, 2);
  EXPECT_EQ(no_row.out, "") << "no figures before the error";
  EXPECT_EQ(diff("once", "again", {"--sort", "colour"}).status, 2);
}

TEST_F(DiffTest, RowsCanBeLeftOutAndSetApart) {
  for (const json& one : diff_json("once", "again", {"--min-count", "100"})["rows"]) {
    if (one["kind"] == "state") continue;
    EXPECT_GE(std::max(one["count_a"].get<int>(), one["count_b"].get<int>()), 100) << one;
  }
  EXPECT_EQ(row(diff_json("once", "again", {"--per-vcpu"}), "vCPU 0 exit io port 0xf5 out 1")["vcpu"], 0);
}

}  // namespace
}  // namespace trapline::test
