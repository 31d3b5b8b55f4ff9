#include "analysis/exit_figures.h"

#include <gtest/gtest.h>

#include "tests/support/collecting_sink.h"

namespace trapline::analysis {
namespace {

tracer::Exit lasting(std::uint64_t ns) {
  tracer::Exit exit;
  exit.exit = HostNs{100};
  exit.entry = HostNs{100 + ns};
  exit.what = tracer::test::description("hlt");
  return exit;
}

TEST(ExitFigures, WaitsForAnInterruptAreNoHandling) {
  ExitFigures figures;
  figures.add(lasting(20));
  tracer::Exit halt = lasting(1000);
  halt.halts = true;
  halt.halt_poll_ns = 200;
  halt.halted_ns = 700;
  halt.wake_delay_ns = 60;
  figures.add(halt);
  figures.add(lasting(30));
  EXPECT_EQ(figures.duration.total(), 1050u) << "as perf kvm stat counts";
  EXPECT_EQ(figures.duration.max(), 1000u);
  EXPECT_EQ(figures.handling().total(), 20u + 40u + 30u);
  EXPECT_EQ(figures.handling().max(), 40u);
  EXPECT_EQ(figures.handling().count(), 3u);
  EXPECT_EQ(figures.halts, 1u);
  EXPECT_EQ(figures.halt_poll_ns, 200u);
  EXPECT_EQ(figures.halted_ns, 700u);
  EXPECT_EQ(figures.wake_delay_ns, 60u);
}

TEST(ExitFigures, WithoutWaitsHandlingIsTheDuration) {
  ExitFigures figures;
  figures.add(lasting(20));
  EXPECT_FALSE(figures.without_waits);
  EXPECT_EQ(&figures.handling(), &figures.duration);
}

TEST(ExitFigures, OpenOnesCountWithoutDuration) {
  ExitFigures figures;
  tracer::Exit open = lasting(20);
  open.open = true;
  figures.add(open);
  EXPECT_EQ(figures.count(), 1u);
  EXPECT_EQ(figures.duration.count(), 0u);
}

TEST(ExitFigures, HaveAFigureForEveryColumn) {
  ExitFigures figures;
  tracer::Exit exit = lasting(100);
  exit.user_exit = HostNs{140};
  figures.add(exit);
  figures.add(lasting(300));
  const std::map<std::string_view, double> expected = {
      {"time", 400}, {"samples", 2}, {"min", 100}, {"avg", 200}, {"p50", 100}, {"p90", 300},
      {"p99", 300},  {"max", 300},   {"kvm", 340}, {"vmm", 60},  {"name", 0}};
  for (const std::string_view name : sort_column_names()) {
    const auto column = sort_column_of(name);
    ASSERT_TRUE(column) << name;
    if (name == "stddev") {
      EXPECT_NEAR(sort_figure(figures, *column), 141.42, 0.01);
    } else {
      ASSERT_TRUE(expected.contains(name)) << name;
      EXPECT_DOUBLE_EQ(sort_figure(figures, *column), expected.at(name)) << name;
    }
  }
  EXPECT_FALSE(sort_column_of("colour"));
}

}  // namespace
}  // namespace trapline::analysis
