#include <gtest/gtest.h>

#include "tests/support/collecting_sink.h"

namespace trapline::tracer {
namespace {

class Window : public testing::Test {
 protected:
  TimelineWindow window(TimelineWindow::Limits limits) {
    TimelineWindow made(sink_, std::move(limits));
    TimelineHead head;
    head.begin = HostNs{1000};
    made.begin(head);
    return made;
  }

  test::CollectingSink sink_;
};

TEST_F(Window, CutsStatesAtItsBorders) {
  auto cut = window({.from_ns = 100, .to_ns = 200, .vcpus = {}});
  cut.state(0, {HostNs{1000}, HostNs{1050}, State::guest});
  cut.state(0, {HostNs{1050}, HostNs{1150}, State::kvm});
  cut.state(0, {HostNs{1150}, HostNs{1500}, State::guest});
  cut.state(0, {HostNs{1500}, HostNs{1600}, State::kvm});
  ASSERT_EQ(sink_.states.size(), 2u);
  EXPECT_EQ(sink_.states[0].begin, HostNs{1100});
  EXPECT_EQ(sink_.states[1].end, HostNs{1200});
}

TEST_F(Window, KeepsWholeWhatReachesIntoIt) {
  auto cut = window({.from_ns = 100, .to_ns = 200, .vcpus = {}});
  Exit exit;
  for (const auto& [begin, end] :
       {std::pair(1000, 1099), {1050, 1100}, {1150, 1160}, {1200, 1300}, {1201, 1300}}) {
    exit.exit = HostNs{static_cast<std::uint64_t>(begin)};
    exit.entry = HostNs{static_cast<std::uint64_t>(end)};
    cut.exit(0, exit);
  }
  ASSERT_EQ(sink_.exits.size(), 3u);
  EXPECT_EQ(sink_.exits.front().exit, HostNs{1050});
  EXPECT_EQ(sink_.exits.back().entry, HostNs{1300});
}

TEST_F(Window, AnIsrIsEnteredAndLeftOrNeither) {
  auto cut = window({.from_ns = 100, .to_ns = 200, .vcpus = {}});
  Isr isr;
  for (const std::uint64_t entry : {1050u, 1150u, 1250u}) {
    isr.entry = HostNs{entry};
    isr.iret = HostNs{entry + 100};
    cut.isr_entered(0, isr);
    cut.isr(0, isr);
  }
  EXPECT_EQ(sink_.entered.size(), 1u);
  EXPECT_EQ(sink_.isrs.size(), 1u);
}

TEST_F(Window, HandsOnTheVcpusThatAreWanted) {
  auto cut = window({.from_ns = 0, .to_ns = ~std::uint64_t{0}, .vcpus = {1, 3}});
  Interrupt interrupt;
  interrupt.link(Link::injected) = {HostNs{1500}, LinkedBy::entry};
  for (std::uint16_t vcpu = 0; vcpu < 4; ++vcpu) {
    interrupt.vcpu = vcpu;
    cut.interrupt(interrupt);
    cut.state(vcpu, {HostNs{1000}, HostNs{1050}, State::guest});
  }
  EXPECT_EQ(sink_.interrupts.size(), 2u);
  EXPECT_EQ(sink_.states.size(), 2u);
}

}  // namespace
}  // namespace trapline::tracer
