#include "analysis/ground_truth.h"

#include <gtest/gtest.h>

#include "tests/support/collecting_sink.h"
#include "vmm/guest/abi.h"

namespace trapline::analysis {
namespace {

using tracer::Exit;
using tracer::ExitSubject;

Exit exit_of(const std::string& reason, ExitSubject subject = {}) {
  Exit exit;
  exit.what = tracer::test::description(reason, tracer::Cause::guest, subject);
  return exit;
}

tracer::VmmStep step_of(guest_count_kind kind, std::uint64_t arg = 0) {
  return {.begin = {}, .end = {}, .arg = arg, .count_kind = static_cast<std::uint16_t>(kind)};
}

recording::GuestCount counted(std::uint32_t kind, std::uint32_t key, std::uint64_t count) {
  return {{}, 0, kind, key, count};
}

class GroundTruth : public testing::Test {
 protected:
  [[nodiscard]] RecordedCounts recorded() const {
    RecordedCounts counts;
    for (const Exit& exit : vcpu_.exits)
      counts.add(vcpu_.vcpu, exit);
    for (const tracer::VmmStep& step : vcpu_.steps)
      counts.add(vcpu_.vcpu, step);
    for (const tracer::Isr& isr : vcpu_.isrs)
      counts.add(vcpu_.vcpu, isr);
    counts.add(vcpu_.vcpu, tracer::StampCheck{.checked = vcpu_.stamps});
    return counts;
  }
  // The only row of one count.
  [[nodiscard]] TruthRow row(const recording::GuestCount& count, std::string_view path = "emulate") const {
    const auto rows = compare_with_guest({count}, recorded(), path);
    EXPECT_EQ(rows.size(), 1u);
    return rows.empty() ? TruthRow{} : rows[0];
  }
  [[nodiscard]] bool has_row(const recording::GuestCount& count, std::string_view path) const {
    return !compare_with_guest({count}, recorded(), path).empty();
  }

  tracer::VcpuTimeline vcpu_;
};

TEST_F(GroundTruth, ExitsAndStepsOfOnePortAreSummed) {
  vcpu_.exits = {exit_of("io", {ExitSubject::Kind::port, 0xf5}),
                 exit_of("io", {ExitSubject::Kind::port, 0xf6}),
                 exit_of("msr", {ExitSubject::Kind::msr, 0xf5})};
  vcpu_.steps = {step_of(GUEST_COUNT_IO, 0xf5), step_of(GUEST_COUNT_IO, 0xf5), step_of(GUEST_COUNT_IO, 0xf4),
                 step_of(GUEST_COUNT_NONE, 0xf5), step_of(GUEST_COUNT_MSR, 0xf5)};
  const TruthRow port = row(counted(GUEST_COUNT_IO, 0xf5, 3));
  EXPECT_EQ(port.what, "io port 0xf5");
  EXPECT_EQ(port.recorded, 3u);
  EXPECT_TRUE(port.agrees());
  EXPECT_EQ(row(counted(GUEST_COUNT_MSR, 0xf5, 2)).recorded, 2u);
  EXPECT_FALSE(row(counted(GUEST_COUNT_IO, 0xf4, 2)).agrees());
}

TEST_F(GroundTruth, AHaltIsAnExitOfItsOwnOrAStep) {
  vcpu_.exits = {exit_of("hlt"), exit_of("io", {ExitSubject::Kind::port, 0xf6})};
  vcpu_.exits[1].halts = true;  // led to the step: not a second halt
  vcpu_.steps = {step_of(GUEST_COUNT_HLT)};
  EXPECT_EQ(row(counted(GUEST_COUNT_HLT, 0, 2)).recorded, 2u);
}

TEST_F(GroundTruth, NullHypercallsGoToWhoeverIsTheHypervisor) {
  const auto count = counted(GUEST_COUNT_HYPERCALL, 0, 1);
  vcpu_.exits = {exit_of("hypercall", {ExitSubject::Kind::hypercall, 1}),
                 exit_of("hypercall", {ExitSubject::Kind::hypercall, 10})};
  EXPECT_TRUE(row(count, "hvm").agrees()) << "an IPI by hypercall is not a null one";
  vcpu_.exits.clear();
  vcpu_.steps = {step_of(GUEST_COUNT_HYPERCALL)};
  EXPECT_TRUE(row(count, "pv").agrees());
  EXPECT_FALSE(has_row(count, "pv-ring0"));
  EXPECT_FALSE(has_row(count, "pv-direct"));
}

TEST_F(GroundTruth, CountsThatNothingShowsHaveNoRow) {
  for (const std::uint32_t kind : {0u, std::uint32_t{GUEST_COUNT_EVENT}, 9u, 0xffffffffu})
    EXPECT_FALSE(has_row(counted(kind, 0, 5), "hvm")) << kind;
  EXPECT_FALSE(has_row(counted(GUEST_COUNT_ISR, 0x40, 5), "hvm")) << "no stamps were written";
  recording::GuestCount foreign = counted(GUEST_COUNT_HLT, 0, 1);
  foreign.vcpu = 3;
  EXPECT_FALSE(has_row(foreign, "hvm")) << "of a vCPU that the recording does not have";
}

}  // namespace
}  // namespace trapline::analysis
