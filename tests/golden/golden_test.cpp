// The cost of an event on each path, in exits and in instructions, compared with the figures for this line of
// kernels in tests/golden/. Runs where time is counted (./dev lab --icount): there both are repeatable.
//
// TRAPLINE_GOLDEN_WRITE=FOLDER writes the figures to that folder and compares nothing (./dev golden).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iostream>
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

// "6.12.117+deb12-amd64" -> "6.12.json"
std::string golden_name(const std::string& kernel) {
  const std::size_t minor = kernel.find('.') + 1;
  return kernel.substr(0, kernel.find_first_not_of("0123456789", minor)) + ".json";
}

// The command that makes the file; run_in_lab sets the name by which the lab has this kernel.
std::string remedy() {
  const char* kernel = std::getenv("TRAPLINE_LAB_KERNEL");
  return "make it by: ./dev golden" + (kernel == nullptr ? "" : std::string(" --kernel ") + kernel);
}

void write_golden(const MeasuredRun& run, const std::string& folder) {
  std::ofstream out(folder + "/" + golden_name(run.kernel));
  // Kernel and emulator are there for people: they do not choose the file.
  out << fmt::format("{{\"kernel\":\"{}\",\"emulator\":\"{}\",\"cells\":[\n", run.kernel, run.emulator);
  const char* separator = "";
  for (const auto& [key, figures] : run.cells) {
    json line = {{"path", key.first}, {"workload", key.second}, {"instructions", figures.instructions}};
    if (figures.user_exits) line["user_exits"] = *figures.user_exits;
    if (figures.kernel_exits) line["kernel_exits"] = *figures.kernel_exits;
    out << separator << line.dump();
    separator = ",\n";
  }
  out << "\n]}\n";
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
  const std::string name = golden_name(first_.kernel);
  std::ifstream in(std::string(TRAPLINE_GOLDEN_FOLDER) + "/" + name);
  ASSERT_TRUE(in) << "there is no tests/golden/" << name << ", so nothing was compared; " << remedy();
  const json file = json::parse(in);
  std::size_t compared = 0;
  for (const json& golden : file["cells"]) {
    const std::string what = golden["path"].get<std::string>() + " " + golden["workload"].get<std::string>();
    const auto cell = first_.cells.find({golden["path"], golden["workload"]});
    ASSERT_NE(cell, first_.cells.end()) << what << " is gone";
    expect_exits(cell->second, golden, what);
    if (!cell->second.waits)
      expect_near(cell->second.instructions, golden["instructions"], kFromGolden, what);
    ++compared;
  }
  EXPECT_EQ(compared, first_.cells.size())
      << "cells are missing in tests/golden/" << name << "; " << remedy();
  if (HasFailure())
    std::cout << fmt::format("figures: {} on {}; now: {} on {}\n", file["kernel"].get<std::string>(),
                             file["emulator"].get<std::string>(), first_.kernel, first_.emulator);
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
