#include "viewer/json/timeline_json.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>

#include "tests/support/busy_recording.h"
#include "tests/support/command.h"
#include "tests/unit/recording/sample_recording.h"
#include "tests/unit/viewer/small_timeline.h"
#include "viewer/rows/timeline_rows.h"

namespace trapline::viewer {
namespace {

using nlohmann::json;
using recording::RecordingReader;
using Limits = tracer::TimelineWindow::Limits;

constexpr std::uint64_t kExits = 60;  // of each vCPU
constexpr int kNotInstalled = 77;

const std::string kSchema = TRAPLINE_SOURCE_DIR "/docs/timeline.schema.json";

class TimelineJsonOfARecording : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(trapline::test::write_busy_recording(scratch_ / "recording", kExits));
    auto opened = RecordingReader::open(scratch_ / "recording");
    ASSERT_OK(opened);
    reader_.emplace(std::move(*opened));
  }

  json exported(const Limits& limits = {}) const {
    auto head = tracer::read_timeline_head(*reader_);
    EXPECT_TRUE(head);
    test::StringSink sink;
    TimelineJson writer(*reader_, *head, limits, sink);
    for (std::size_t i = 0; i < kTimelineTables; ++i) {
      TimelineRows rows(static_cast<TimelineTable>(i), writer);
      tracer::TimelineWindow window(rows, limits);
      EXPECT_TRUE(tracer::stream_timeline(*reader_, window));
    }
    EXPECT_TRUE(writer.finish());
    return json::parse(sink.text);
  }

  trapline::test::CommandResult validate(const json& document) const {
    const std::string file = scratch_ / "timeline.json";
    std::ofstream(file) << document;
    return trapline::test::run_command({TRAPLINE_SOURCE_DIR "/tests/schema/validate", kSchema, file});
  }

  recording::test::TemporaryFolder scratch_;
  std::optional<RecordingReader> reader_;
};

TEST_F(TimelineJsonOfARecording, HasEveryItemOfTheTimeline) {
  const auto timeline = tracer::build_timeline(*reader_);
  ASSERT_OK(timeline);
  std::map<std::string, std::size_t> items;
  for (const auto& vcpu : timeline->vcpus) {
    ++items["vcpus"];
    items["states"] += vcpu.states.size();
    items["exits"] += vcpu.exits.size();
    items["vmm_steps"] += vcpu.steps.size();
    items["injections"] += vcpu.injections.size();
    items["isrs"] += vcpu.isrs.size();
    items["events"] += vcpu.events.size();
    items["interrupts"] += vcpu.interrupts.size();
  }
  const json document = exported();
  for (std::size_t i = 0; i < kTimelineTables; ++i) {
    const std::string name(table_name(static_cast<TimelineTable>(i)));
    EXPECT_EQ(document[name].size(), items[name]) << name;
    EXPECT_GT(items[name], 0u) << name;
  }
  EXPECT_EQ(document["schema"], "trapline.timeline/1");
  EXPECT_EQ(document["context"]["origin_monotonic_ns"], std::to_string(timeline->begin.value));
  EXPECT_EQ(document["clock"]["bound_ns"], timeline->clock_bound_ns);
}

TEST_F(TimelineJsonOfARecording, StatesAddUpToTheTimeThatIsStated) {
  const json document = exported();
  std::map<int, std::uint64_t> sums;
  for (const auto& state : document["states"])
    sums[state["vcpu"]] += state["end_ns"].get<std::uint64_t>() - state["begin_ns"].get<std::uint64_t>();
  for (const auto& vcpu : document["vcpus"])
    EXPECT_EQ(vcpu["traced_ns"], sums[vcpu["vcpu"]]);
}

TEST_F(TimelineJsonOfARecording, IsWhatItsSchemaSays) {
  const auto result = validate(exported());
  if (result.status == kNotInstalled || result.status == 127) GTEST_SKIP() << result.out << result.err;
  EXPECT_EQ(result.status, 0) << result.out << result.err;
}

TEST_F(TimelineJsonOfARecording, SchemaRefusesWhatItDoesNotSay) {
  const json right = exported();
  if (const auto result = validate(right); result.status != 0) GTEST_SKIP() << result.out << result.err;
  json wrong = right;
  wrong["exits"][0].erase("reason");
  EXPECT_EQ(validate(wrong).status, 1) << "a member that every row has";
  wrong = right;
  wrong["interrupts"][0]["of"] = 1;
  EXPECT_EQ(validate(wrong).status, 1) << "a member that no row has";
  wrong = right;
  wrong["states"][0]["state"] = "somewhere";
  EXPECT_EQ(validate(wrong).status, 1) << "a word that no state has";
  wrong = right;
  wrong["schema"] = "trapline.timeline/2";
  EXPECT_EQ(validate(wrong).status, 1) << "another version";
}

TEST_F(TimelineJsonOfARecording, SaysWhichPartItHolds) {
  const json whole = exported();
  std::vector<std::uint64_t> times;
  for (const auto& exit : whole["exits"]) {
    if (exit["vcpu"] == 1) times.push_back(exit["exit_ns"]);
  }
  const std::uint64_t from = times.at(kExits / 3);
  const std::uint64_t to = times.at(kExits / 2);
  const json part = exported({.from_ns = from, .to_ns = to, .vcpus = {1}});
  EXPECT_EQ(part["window"], json({{"from_ns", from}, {"to_ns", to}, {"vcpus", {1}}, {"vms", {0}}}));
  EXPECT_EQ(whole["window"],
            json({{"from_ns", 0}, {"to_ns", nullptr}, {"vcpus", nullptr}, {"vms", nullptr}}));
  EXPECT_EQ(part["exits"].size(), kExits / 2 - kExits / 3 + 1) << "the borders belong to it";
  std::set<json> all(whole["exits"].begin(), whole["exits"].end());
  for (const auto& exit : part["exits"]) {
    EXPECT_EQ(exit["vcpu"], 1);
    EXPECT_TRUE(all.contains(exit)) << "times count from the same begin: " << exit;
  }
  ASSERT_EQ(part["vcpus"].size(), 1u);
  EXPECT_EQ(part["vcpus"][0]["traced_ns"], to - from);
}

// The schema knows the columns of every table, in their order, and no others.
TEST(TimelineSchema, HasTheColumnsOfTheTables) {
  std::ifstream file(kSchema);
  const auto schema = nlohmann::ordered_json::parse(file);
  for (std::size_t i = 0; i < kTimelineTables; ++i) {
    const auto table = static_cast<TimelineTable>(i);
    const auto& properties = schema["properties"][std::string(table_name(table))]["items"]["properties"];
    std::vector<std::string> names;
    for (const auto& [name, what] : properties.items())
      names.push_back(name);
    const auto columns = columns_of(table);
    EXPECT_EQ(names, std::vector<std::string>(columns.begin(), columns.end())) << table_name(table);
  }
}

}  // namespace
}  // namespace trapline::viewer
