// trapline compare on real KVM: every cell filled or reasoned, figures that add up.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/support/trapline.h"

namespace trapline::test {
namespace {

using nlohmann::json;

const std::vector<std::string> kPaths = {"native",  "hvm", "hvm-pv",   "hvm-user-irqchip",
                                         "emulate", "pv",  "pv-ring0", "pv-direct"};

const json& cell_of(const json& result, const std::string& path, const std::string& workload) {
  for (const json& one : result["cells"]) {
    if (one["path"] == path && one["workload"] == workload) return one;
  }
  ADD_FAILURE() << "no cell " << path << " " << workload;
  return result["cells"][0];
}

// One comparison that several tests look at.
class CompareTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    workspace_ = new Workspace;
    const std::string file = workspace_->path("c.json");
    const auto result =
        trapline({"compare", "-n", "20", "--rounds", "2", "--json", file, "-o", workspace_->path("kept")});
    ASSERT_EQ(result.status, 0) << result.err;
    table_ = result.out;
    std::ifstream in(file);
    result_ = json::parse(in);
  }
  static void TearDownTestSuite() { delete workspace_; }

  static const json& cell(const std::string& path, const std::string& workload) {
    return cell_of(result_, path, workload);
  }

  static inline Workspace* workspace_ = nullptr;
  static inline std::string table_;
  static inline json result_;
};

TEST_F(CompareTest, EveryCellIsFilledOrSaysWhyNot) {
  EXPECT_EQ(result_["cells"].size(), kPaths.size() * 14);
  EXPECT_EQ(result_["lost"]["records"], 0);
  for (const json& one : result_["cells"]) {
    if (!one["skipped"].is_null()) {
      EXPECT_GT(one["skipped"].get<std::string>().size(), 10u) << one;
      EXPECT_FALSE(one.contains("events")) << one;
      continue;
    }
    EXPECT_EQ(one["events"].get<int>() + one["incomplete"].get<int>(), 20) << one["path"] << one["workload"];
    EXPECT_LE(one["incomplete"], 2) << one["path"] << one["workload"];
    EXPECT_GT(one["round_trip"]["min_ns"], 0) << one["path"] << one["workload"];
  }
  for (const std::string& path : kPaths)
    EXPECT_TRUE(cell(path, "syscall")["skipped"].is_null()) << path;
}

TEST_F(CompareTest, PhasesAndPlacesAddUpToTheRoundTrip) {
  int checked = 0;
  for (const json& one : result_["cells"]) {
    if (!one["skipped"].is_null() || one["phases"].is_null()) continue;
    std::uint64_t phases = 0;
    std::uint64_t places = 0;
    for (const auto& [name, phase] : one["phases"].items()) {
      phases += phase["total_ns"].get<std::uint64_t>();
      for (const auto& [place, ns] : phase["where_total"].items())
        places += ns.get<std::uint64_t>();
      EXPECT_EQ(phase["where_total"]["unknown_ns"], 0) << one["path"] << one["workload"];
    }
    EXPECT_EQ(phases, one["round_trip"]["total_ns"]) << one["path"] << one["workload"];
    EXPECT_EQ(places, one["round_trip"]["total_ns"]) << one["path"] << one["workload"];
    ++checked;
  }
  // int80 syscall page-fault divide timer device hlt on every path at least.
  EXPECT_GE(checked, 7 * 7);
}

TEST_F(CompareTest, ThePathsDifferInTheirExits) {
  const std::pair<const char*, double> int80[] = {
      {"hvm", 0}, {"emulate", 2}, {"pv", 2}, {"pv-ring0", 0}, {"pv-direct", 0}};
  for (const auto& [path, user] : int80) {
    EXPECT_EQ(cell(path, "int80")["exits_per_event"]["user"], user) << path;
    EXPECT_EQ(cell(path, "int80")["exits_per_event"]["kernel"], 0.0) << path;
  }
  EXPECT_EQ(cell("hvm", "int80")["ratio"], 1.0);
  EXPECT_GT(cell("emulate", "int80")["ratio"], 5.0);
  EXPECT_TRUE(cell("native", "int80")["ratio"].is_null());
  EXPECT_GT(cell("emulate", "int80")["where"]["vmm_ns"], 0.0);
  EXPECT_EQ(cell("hvm", "int80")["where"]["vmm_ns"], 0.0);
}

TEST_F(CompareTest, TheTableFitsAndIsLabelled) {
  std::istringstream lines(table_);
  for (std::string line; std::getline(lines, line);)
    EXPECT_LE(line.size(), 120u) << line;
  EXPECT_NE(table_.find("times are not"), std::string::npos);
  EXPECT_NE(table_.find("stamps themselves"), std::string::npos);
  EXPECT_GT(result_["stamp_cost"]["in_round_trip_ns"], 0);
}

TEST_F(CompareTest, ARecordingLiesUnderEachCell) {
  const json& kept = cell("emulate", "int80")["recordings"];
  ASSERT_EQ(kept.size(), 2u);
  const json report = report_of(kept[0]);
  EXPECT_EQ(report["context"]["path"], "emulate");
  EXPECT_GT(report["vmm_steps"].size(), 0u);
  EXPECT_EQ(cell("hvm", "ipi")["recordings"].size(), 2u);
}

TEST(Compare, WhatCannotBeComparedIsWrongUsage) {
  const auto path = trapline({"compare", "--paths", "hvm,xen"});
  EXPECT_EQ(path.status, 2);
  EXPECT_NE(path.err.find("'xen'"), std::string::npos) << path.err;
  EXPECT_NE(path.err.find("native"), std::string::npos) << path.err;
  const auto workload = trapline({"compare", "--workloads", "triple-fault"});
  EXPECT_EQ(workload.status, 2);
}

TEST(Compare, AFileThatCannotBeWrittenIsToldBeforeTheWork) {
  const auto result = trapline({"compare", "--json", "/nowhere/c.json", "-n", "1000000"});
  EXPECT_EQ(result.status, 1);
  EXPECT_NE(result.err.find("/nowhere"), std::string::npos) << result.err;
}

TEST(Compare, WithoutTheBaseThereAreNoRatios) {
  const Workspace workspace;
  const std::string file = workspace.path("c.json");
  ASSERT_EQ(trapline({"compare", "--paths", "emulate", "--workloads", "int80", "-n", "4", "--rounds", "1",
                      "--json", file})
                .status,
            0);
  std::ifstream in(file);
  const json result = json::parse(in);
  ASSERT_EQ(result["cells"].size(), 1u);
  EXPECT_TRUE(result["cells"][0]["ratio"].is_null());
  EXPECT_TRUE(result["cells"][0]["difference"].is_null());
}

// In counted time only: elsewhere a busy host may make the times of so few events too uncertain for a
// sentence.
TEST(CompareCounted, SentencesNameWhatTheFiguresSay) {
  const Workspace workspace;
  const std::string file = workspace.path("c.json");
  const auto compared = trapline({"compare", "--paths", "hvm,emulate", "--workloads", "int80", "-n", "40",
                                  "--rounds", "4", "--json", file});
  ASSERT_EQ(compared.status, 0) << compared.err;
  std::ifstream in(file);
  const json result = json::parse(in);
  const json& hvm = cell_of(result, "hvm", "int80");
  const json& emulate = cell_of(result, "emulate", "int80");
  const json& difference = emulate["difference"];
  EXPECT_TRUE(difference["measurable"]) << difference;
  double largest = 0;
  std::string place;
  std::string phase;
  for (const char* name : {"delivery", "handler", "return"}) {
    for (const auto& [key, ns] : emulate["phases"][name]["where_total"].items()) {
      const double more = ns.get<double>() / emulate["events"].get<double>() -
                          hvm["phases"][name]["where_total"][key].get<double>() / hvm["events"].get<double>();
      if (more <= largest) continue;
      largest = more;
      place = key;
      phase = name;
    }
  }
  EXPECT_GT(largest, 0);
  EXPECT_EQ(difference["place"].get<std::string>() + "_ns", place);
  EXPECT_EQ(difference["phase"], phase);
  EXPECT_NE(compared.out.find(difference["sentence"].get<std::string>().substr(0, 20)), std::string::npos);
}

}  // namespace
}  // namespace trapline::test
