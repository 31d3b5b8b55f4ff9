// What an event costs on each path, in exits and in instructions, held against the figures of this kernel and
// emulator in tests/golden/. Runs where time is counted (./dev lab --icount): there both are repeatable.
//
// TRAPLINE_GOLDEN_WRITE=FOLDER writes the figures to that folder and holds nothing against them (./dev
// golden).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>

#include "tests/support/trapline.h"

namespace trapline::test {
namespace {

using nlohmann::json;

// ipi is not among them: counted time has one processor.
constexpr char kWorkloads[] =
    "int80,syscall,page-fault,divide,timer,device,device-msi,device-irqfd,hypercall,pio,mmio,cpuid,hlt";
constexpr double kRunToRun = 0.01;
constexpr double kFromGolden = 0.05;
// Exits of events that wait depend on when the event comes: KVM has marked its PV EOI by then, or not.
constexpr double kWaitingExits = 0.2;

struct Figures {
  bool waits = false;
  std::optional<double> user_exits;  // per event; none: native
  std::optional<double> kernel_exits;
  double instructions = 0;  // median
};
using Key = std::pair<std::string, std::string>;  // path, workload

struct MeasuredRun {
  std::string kernel;
  std::string emulator;
  std::string time;
  std::map<Key, Figures> cells;
};

MeasuredRun run_comparison() {
  const Workspace workspace;
  const std::string file = workspace.path("c.json");
  const auto result =
      trapline({"compare", "--workloads", kWorkloads, "-n", "100", "--rounds", "2", "--json", file});
  EXPECT_EQ(result.status, 0) << result.err;
  std::ifstream in(file);
  const json document = json::parse(in);
  MeasuredRun run{
      document["context"]["kernel"], document["context"]["emulator"], document["time"]["kind"], {}};
  for (const json& cell : document["cells"]) {
    if (!cell["skipped"].is_null()) continue;
    Figures& figures = run.cells[{cell["path"], cell["workload"]}];
    figures.waits = cell["waits"];
    figures.instructions = cell["cost"]["p50_ns"];
    if (cell["exits_per_event"].is_null()) continue;
    figures.user_exits = cell["exits_per_event"]["user"];
    figures.kernel_exits = cell["exits_per_event"]["kernel"];
  }
  return run;
}

std::string golden_name(const MeasuredRun& run) {
  return fmt::format("{}-{}.json", run.kernel, run.emulator);
}

void write_golden(const MeasuredRun& run, const std::string& folder) {
  std::ofstream out(folder + "/" + golden_name(run));
  out << "[\n";
  const char* separator = "";
  for (const auto& [key, figures] : run.cells) {
    json line = {{"path", key.first}, {"workload", key.second}, {"instructions", figures.instructions}};
    if (figures.user_exits) line["user_exits"] = *figures.user_exits;
    if (figures.kernel_exits) line["kernel_exits"] = *figures.kernel_exits;
    out << separator << line.dump();
    separator = ",\n";
  }
  out << "\n]\n";
  ASSERT_TRUE(out.good()) << folder;
}

void expect_near(double value, double expected, double part, const std::string& what) {
  EXPECT_LE(std::abs(value - expected), part * expected)
      << what << ": " << value << " instead of " << expected;
}

void expect_exits(const Figures& figures, const json& golden, const std::string& what) {
  const std::pair<const char*, std::optional<double>> kinds[] = {{"user_exits", figures.user_exits},
                                                                 {"kernel_exits", figures.kernel_exits}};
  for (const auto& [name, exits] : kinds) {
    ASSERT_EQ(exits.has_value(), golden.contains(name)) << what;
    if (!exits) continue;
    const double tolerance = figures.waits ? kWaitingExits : 0;
    EXPECT_NEAR(*exits, golden[name].get<double>(), tolerance) << what << " " << name;
  }
}

class Golden : public testing::Test {
 protected:
  static void SetUpTestSuite() { first_ = run_comparison(); }
  void SetUp() override {
    ASSERT_GT(first_.cells.size(), 60u);
    ASSERT_EQ(first_.time, "counted") << "run it by: ./dev lab --icount -- build/tests/golden_tests";
  }
  static inline MeasuredRun first_;
};

TEST_F(Golden, EachEventCostsWhatItDid) {
  if (const char* folder = std::getenv("TRAPLINE_GOLDEN_WRITE"); folder != nullptr) {
    write_golden(first_, folder);
    return;
  }
  const std::string name = std::string(TRAPLINE_GOLDEN_FOLDER) + "/" + golden_name(first_);
  std::ifstream in(name);
  if (!in) GTEST_SKIP() << "there is no " << name << ": make it by ./dev golden";
  std::size_t held = 0;
  for (const json& golden : json::parse(in)) {
    const std::string what = golden["path"].get<std::string>() + " " + golden["workload"].get<std::string>();
    const auto cell = first_.cells.find({golden["path"], golden["workload"]});
    ASSERT_NE(cell, first_.cells.end()) << what << " is gone";
    expect_exits(cell->second, golden, what);
    if (!cell->second.waits)
      expect_near(cell->second.instructions, golden["instructions"], kFromGolden, what);
    ++held;
  }
  EXPECT_EQ(held, first_.cells.size()) << "there are cells that the golden file does not have: ./dev golden";
}

TEST_F(Golden, TwoRunsCountAlike) {
  const MeasuredRun second = run_comparison();
  ASSERT_EQ(second.cells.size(), first_.cells.size());
  for (const auto& [key, figures] : first_.cells) {
    if (figures.waits) continue;
    expect_near(second.cells.at(key).instructions, figures.instructions, kRunToRun,
                key.first + " " + key.second);
  }
}

}  // namespace
}  // namespace trapline::test
