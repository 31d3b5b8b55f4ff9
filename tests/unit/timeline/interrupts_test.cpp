#include "tracer/timeline/interrupts.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/collecting_sink.h"
#include "vmm/observer.h"
#include "vmm/steps.h"

namespace trapline::tracer {
namespace {

using Source = InterruptSource;

constexpr std::uint32_t kDevice = 77;  // thread of a device
constexpr std::uint32_t kVcpu0 = 100;  // threads of vCPUs
constexpr std::uint32_t kVcpu1 = 101;

const ExitDescription* host_interrupt() {
  return test::description("interrupt", Cause::async);
}
const ExitDescription* halt() {
  return test::description("hlt");
}
const ExitDescription* icr_write() {
  return test::description("msr", Cause::guest, {ExitSubject::Kind::msr, 0x830});
}
const ExitDescription* io() {
  return test::description("io", Cause::guest, {ExitSubject::Kind::port, 0xf5});
}

// Plays the events of KVM and guest in the order in which the stream tells of them.
class Interrupts : public testing::Test {
 protected:
  void marks(std::vector<DatedRaise> raises, bool has_stamps = true) {
    linker_.emplace(test::feed_of(std::move(raises)), has_stamps, 5, HostNs{}, sink_);
  }
  InterruptLinker& linker() {
    if (!linker_) marks({});
    return *linker_;
  }

  void accepted(std::uint64_t at, std::uint32_t tid, std::uint32_t vector = 0x50,
                std::optional<std::uint16_t> thread_vcpu = {}, std::uint16_t target = 0,
                bool posted = false) {
    linker().accepted({HostNs{at}, tid, thread_vcpu, target, vector, posted});
  }
  // A cycle, with or without an injection at its entry.
  void cycle(std::uint64_t exit_ns, std::uint64_t entry_ns, const ExitDescription* what,
             std::uint32_t vector = 0, std::uint16_t vcpu = 0, bool reinjected = false,
             EventType type = EventType::interrupt) {
    Exit exit;
    exit.exit = HostNs{exit_ns};
    exit.entry = HostNs{entry_ns};
    exit.what = what;
    exit.halts = what->halts;
    linker().cycle(vcpu, exit);
    if (vector != 0) {
      Injection injection;
      injection.at = exit.entry;
      injection.vector = vector;
      injection.reinjected = reinjected;
      injection.exception = type == EventType::exception;
      injected_ = linker().injected(vcpu, injection, type, &exit);
    }
    linker().entered(vcpu, exit.entry);
  }
  Isr enter_isr(std::uint64_t at, std::uint32_t vector, unsigned depth = 0, std::uint16_t vcpu = 0,
                bool again = false) {
    Isr isr;
    isr.again = again;
    isr.entry = HostNs{at};
    isr.vector = vector;
    isr.depth = depth;
    isr.interrupt = linker().isr_entered(vcpu, isr);
    return isr;
  }
  void leave_isr(Isr isr, std::uint64_t eoi, std::uint64_t iret, std::uint16_t vcpu = 0,
                 bool complete = true) {
    if (eoi != 0) {
      isr.eoi = HostNs{eoi};
      linker().isr_eoi(vcpu, isr);
    }
    isr.iret = HostNs{iret};
    isr.complete = complete;
    linker().isr_left(vcpu, isr);
  }
  void whole_isr(std::uint64_t entry, std::uint32_t vector = 0x50, std::uint16_t vcpu = 0) {
    leave_isr(enter_isr(entry, vector, 0, vcpu), entry + 5, entry + 10, vcpu);
  }

  // The stories, in the order in which they began to be told.
  std::vector<Interrupt> stories() {
    linker().finish();
    std::ranges::sort(sink_.interrupts, {}, &Interrupt::id);
    return sink_.interrupts;
  }
  Interrupt only_story() {
    const auto all = stories();
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? Interrupt{} : all[0];
  }

  // Its guest was brought the timer's interrupt a second time. exit_tells: EXITINTINFO says so too.
  Interrupt timer_of_which_the_vmm_dropped_a_second(bool exit_tells) {
    marks({{HostNs{100}, kDevice, static_cast<std::uint16_t>(vmm::RaiseKind::timer), 0x40}});
    cycle(105, 110, host_interrupt(), 0x40);
    if (exit_tells) linker().delivered_twice(0, 0x40);
    Exit exit;
    exit.exit = HostNs{115};
    exit.entry = HostNs{120};
    exit.what = io();
    VmmStep step{.begin = HostNs{116}, .end = HostNs{117}};
    step.step = static_cast<std::uint16_t>(vmm::VmmStep::drop_second_delivery);
    step.vector = 0x40;
    linker().vmm_step(0, step, exit);
    whole_isr(155, 0x40);
    return only_story();
  }

  static void expect(const Interrupt& interrupt, Link link, std::uint64_t at, LinkedBy by) {
    EXPECT_EQ(interrupt.link(link).at, HostNs{at}) << link_name(link);
    EXPECT_EQ(linked_by_name(interrupt.link(link).by), linked_by_name(by)) << link_name(link);
  }

  test::CollectingSink sink_;
  std::optional<InterruptLinker> linker_;
  InterruptId injected_ = kNoInterrupt;
};

DatedRaise mark(std::uint64_t at, vmm::RaiseKind kind, std::uint32_t number, std::uint32_t tid = kDevice) {
  return {HostNs{at}, tid, static_cast<std::uint16_t>(kind), number};
}

// ---- One whole story of each source

TEST_F(Interrupts, AnMsiToARunningVcpu) {
  marks({mark(100, vmm::RaiseKind::msi, 0x51)});
  linker().msi_set_irq(HostNs{103}, kDevice);
  accepted(105, kDevice, 0x51);
  cycle(110, 120, host_interrupt(), 0x51);
  whole_isr(125, 0x51);
  const Interrupt story = only_story();
  EXPECT_EQ(source_name(story.source), "msi");
  expect(story, Link::raised, 100, LinkedBy::vmm_mark);
  expect(story, Link::accepted, 105, LinkedBy::tracepoint);
  expect(story, Link::kicked, 110, LinkedBy::exit);
  expect(story, Link::injected, 120, LinkedBy::entry);
  expect(story, Link::isr_entry, 125, LinkedBy::guest_stamp);
  expect(story, Link::eoi, 130, LinkedBy::guest_stamp);
  expect(story, Link::iret, 135, LinkedBy::guest_stamp);
  EXPECT_EQ(story.raised_by_tid, kDevice);
  EXPECT_FALSE(story.raised_by_vcpu);
  EXPECT_TRUE(story.complete());
  EXPECT_EQ(story.between(Link::raised, Link::isr_entry), 25u);
}

TEST_F(Interrupts, AnMsiToAHaltedVcpuWakesItsThread) {
  linker().msi_set_irq(HostNs{103}, kDevice);
  accepted(105, kDevice);
  linker().waking(0, HostNs{107});
  cycle(50, 120, halt(), 0x50);
  whole_isr(125);
  const Interrupt story = only_story();
  EXPECT_EQ(source_name(story.source), "msi");
  expect(story, Link::raised, 103, LinkedBy::tracepoint);
  expect(story, Link::kicked, 107, LinkedBy::waking);
  EXPECT_TRUE(story.complete());
}

TEST_F(Interrupts, AVcpuThatPollsInItsHaltIsNotKicked) {
  linker().set_irq(HostNs{103}, kDevice);
  accepted(105, kDevice);
  cycle(50, 120, halt(), 0x50);
  whole_isr(125);
  const Interrupt story = only_story();
  EXPECT_EQ(source_name(story.source), "line");
  EXPECT_FALSE(story.link(Link::kicked).seen());
  EXPECT_TRUE(story.complete());
}

TEST_F(Interrupts, AnIrqfdIsKnownByTheVmmsMarkInTheThreadThatWroteIt) {
  marks({mark(100, vmm::RaiseKind::irqfd, 0x52)});
  linker().msi_set_irq(HostNs{103}, kDevice);
  accepted(105, kDevice, 0x52);
  cycle(110, 120, host_interrupt(), 0x52);
  whole_isr(125, 0x52);
  EXPECT_EQ(source_name(only_story().source), "irqfd");
}

TEST_F(Interrupts, ATimerTakesARunningVcpuOutOfTheGuestFirst) {
  accepted(115, kVcpu0, 0x40, 0);
  cycle(110, 120, host_interrupt(), 0x40);
  whole_isr(125, 0x40);
  const Interrupt story = only_story();
  EXPECT_EQ(source_name(story.source), "timer");
  expect(story, Link::raised, 110, LinkedBy::exit);
  expect(story, Link::kicked, 110, LinkedBy::exit);
  EXPECT_TRUE(story.complete());
}

TEST_F(Interrupts, ATimerWakesAHaltedVcpu) {
  linker().waking(0, HostNs{111});
  accepted(115, kVcpu0, 0x40, 0);
  cycle(50, 120, halt(), 0x40);
  whole_isr(125, 0x40);
  const Interrupt story = only_story();
  EXPECT_EQ(source_name(story.source), "timer");
  expect(story, Link::raised, 111, LinkedBy::waking);
  EXPECT_TRUE(story.complete());
}

TEST_F(Interrupts, ATimerThatFiresWhileKvmIsAtWorkIsNotRaisedByAnyExit) {
  accepted(115, kVcpu0, 0x40, 0);
  cycle(110, 120, io(), 0x40);
  whole_isr(125, 0x40);
  const Interrupt story = only_story();
  EXPECT_EQ(source_name(story.source), "timer");
  EXPECT_FALSE(story.link(Link::raised).seen());
  EXPECT_TRUE(story.complete()) << "nothing could tell: it is not missing";
}

TEST_F(Interrupts, AnIpiIsRaisedByTheSendersExitAlsoWhereThatEndsLast) {
  accepted(115, kVcpu0, 0x60, 0, 1);
  linker().waking(1, HostNs{117});
  cycle(50, 120, halt(), 0x60, 1);
  whole_isr(125, 0x60, 1);
  EXPECT_TRUE(sink_.interrupts.empty()) << "the sender's cycle has not come yet";
  cycle(110, 140, icr_write());
  const Interrupt story = only_story();
  EXPECT_EQ(source_name(story.source), "ipi");
  EXPECT_EQ(story.vcpu, 1);
  EXPECT_EQ(story.raised_by_vcpu, 0);
  EXPECT_EQ(story.raised_by_tid, kVcpu0);
  expect(story, Link::raised, 110, LinkedBy::exit);
  expect(story, Link::kicked, 117, LinkedBy::waking);
  EXPECT_TRUE(story.complete());
}

TEST_F(Interrupts, AnIpiCanGoByHypercall) {
  accepted(115, kVcpu0, 0x60, 0, 1);
  cycle(110, 140, test::description("hypercall", Cause::guest, {ExitSubject::Kind::hypercall, 10}));
  EXPECT_EQ(source_name(only_story().source), "ipi");
}

TEST_F(Interrupts, AnExceptionIsRaisedByItsExit) {
  cycle(110, 120, test::description("npf", Cause::async), 14, 0, false, EventType::exception);
  leave_isr(enter_isr(125, 14), 0, 135);
  const Interrupt story = only_story();
  EXPECT_EQ(source_name(story.source), "exception");
  expect(story, Link::raised, 110, LinkedBy::exit);
  expect(story, Link::injected, 120, LinkedBy::entry);
  EXPECT_TRUE(story.complete()) << "an exception has no EOI";
}

TEST_F(Interrupts, AnExceptionThatNeedsNoExitIsWholeWithoutOne) {
  leave_isr(enter_isr(125, 14), 0, 135);
  leave_isr(enter_isr(225, 0x80), 0, 235);
  const auto all = stories();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(source_name(all[0].source), "exception");
  EXPECT_EQ(source_name(all[1].source), "software");
  EXPECT_TRUE(all[0].complete() && all[1].complete());
}

TEST_F(Interrupts, APostedInterruptIsNotInjected) {
  linker().msi_set_irq(HostNs{103}, kDevice);
  accepted(105, kDevice, 0x51, {}, 0, true);
  whole_isr(125, 0x51);
  cycle(200, 210, io());
  const Interrupt story = only_story();
  EXPECT_TRUE(story.posted);
  EXPECT_FALSE(story.link(Link::injected).seen());
  EXPECT_TRUE(story.complete());
}

// ---- The irqchip in the VMM

TEST_F(Interrupts, WithTheIrqchipInTheVmmItsMarkNamesTheVector) {
  marks({mark(90, vmm::RaiseKind::line, 20), mark(100, vmm::RaiseKind::timer, 0x40)});
  cycle(110, 120, host_interrupt(), 0x40);
  whole_isr(125, 0x40);
  cycle(210, 220, host_interrupt(), 0x50);
  whole_isr(225, 0x50);
  const auto all = stories();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(source_name(all[0].source), "timer");
  expect(all[0], Link::raised, 100, LinkedBy::vmm_mark);
  EXPECT_EQ(source_name(all[1].source), "line");
  expect(all[1], Link::raised, 90, LinkedBy::order);
  EXPECT_TRUE(all[0].complete() && all[1].complete()) << "no LAPIC of KVM's accepts here";
}

TEST_F(Interrupts, TheVmmDeliversToAKernelWithoutPrivilege) {
  marks({mark(100, vmm::RaiseKind::timer, 0x40)});
  cycle(105, 110, host_interrupt(), 0x40);  // KVM_INTERRUPT: leads to the monitor only
  Exit exit;
  exit.exit = HostNs{115};
  exit.entry = HostNs{150};
  exit.what = io();
  VmmStep step{.begin = HostNs{130}, .end = HostNs{140}};
  step.step = static_cast<std::uint16_t>(vmm::VmmStep::enter_handler);
  step.vector = 0x40;
  linker().vmm_step(0, step, exit);
  whole_isr(155, 0x40);
  step.vector = 14;  // a fault of the guest's: its exit is the first that is known of it
  linker().vmm_step(0, step, exit);
  leave_isr(enter_isr(165, 14), 0, 170);
  const auto all = stories();
  ASSERT_EQ(all.size(), 2u);
  expect(all[0], Link::injected, 110, LinkedBy::entry);
  EXPECT_TRUE(all[0].complete());
  EXPECT_EQ(source_name(all[1].source), "exception");
  expect(all[1], Link::raised, 115, LinkedBy::exit);
  expect(all[1], Link::injected, 140, LinkedBy::vmm_step);
  EXPECT_TRUE(all[1].complete());
}

// ---- What can happen on the way

TEST_F(Interrupts, RaisedAgainWhilePendingItIsCoalesced) {
  linker().msi_set_irq(HostNs{100}, kDevice);
  accepted(101, kDevice);
  linker().msi_set_irq(HostNs{104}, kDevice);
  accepted(105, kDevice);
  cycle(110, 120, host_interrupt(), 0x50);
  whole_isr(125);
  linker().msi_set_irq(HostNs{200}, kDevice);
  accepted(201, kDevice);
  cycle(210, 220, host_interrupt(), 0x50);
  whole_isr(225);
  const auto all = stories();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].coalesced, 1u);
  expect(all[0], Link::raised, 100, LinkedBy::tracepoint);
  EXPECT_EQ(all[1].coalesced, 0u);
  expect(all[1], Link::raised, 200, LinkedBy::tracepoint);
}

TEST_F(Interrupts, InTheVmmsIrqchipTooAllThatWereUpAreOne) {
  marks({mark(90, vmm::RaiseKind::timer, 0x40), mark(95, vmm::RaiseKind::timer, 0x40)});
  cycle(110, 120, host_interrupt(), 0x40);
  whole_isr(125, 0x40);
  const Interrupt story = only_story();
  EXPECT_EQ(story.coalesced, 1u);
  expect(story, Link::raised, 90, LinkedBy::vmm_mark);
}

TEST_F(Interrupts, OneWhoseDeliveryWasInterruptedStaysTheSame) {
  linker().msi_set_irq(HostNs{100}, kDevice);
  accepted(101, kDevice);
  cycle(110, 120, host_interrupt(), 0x50);
  const InterruptId first = injected_;
  cycle(121, 130, test::description("npf", Cause::async), 0x50, 0, true);
  EXPECT_EQ(injected_, first);
  whole_isr(135);
  const Interrupt story = only_story();
  EXPECT_EQ(story.reinjections, 1u);
  expect(story, Link::injected, 120, LinkedBy::entry);
  EXPECT_TRUE(story.complete());
}

// The second delivery's ISR runs first, and returns to the handler's first instruction.
TEST_F(Interrupts, OneThatIsDeliveredTwiceStaysTheSame) {
  linker().msi_set_irq(HostNs{100}, kDevice);
  accepted(101, kDevice);
  cycle(110, 120, host_interrupt(), 0x50);
  leave_isr(enter_isr(125, 0x50, 0, 0, true), 126, 127);
  leave_isr(enter_isr(128, 0x50), 129, 130);
  linker().delivered_twice(0, 0x50);  // the exit after it says so, too
  cycle(140, 150, io());
  const Interrupt story = only_story();
  EXPECT_EQ(story.delivered_twice, 1u);
  EXPECT_TRUE(story.complete());
  expect(story, Link::isr_entry, 125, LinkedBy::guest_stamp);
  expect(story, Link::eoi, 126, LinkedBy::guest_stamp);
  expect(story, Link::iret, 130, LinkedBy::guest_stamp);
}

TEST_F(Interrupts, EachFurtherDeliveryCounts) {
  linker().msi_set_irq(HostNs{100}, kDevice);
  accepted(101, kDevice);
  cycle(110, 120, host_interrupt(), 0x50);
  leave_isr(enter_isr(125, 0x50, 0, 0, true), 126, 127);
  leave_isr(enter_isr(128, 0x50, 0, 0, true), 129, 130);
  whole_isr(135);
  EXPECT_EQ(only_story().delivered_twice, 2u);
}

TEST_F(Interrupts, TwoThatAreRaisedAreNotOneDeliveredTwice) {
  for (const std::uint64_t at : {100u, 200u}) {
    linker().msi_set_irq(HostNs{at}, kDevice);
    accepted(at + 1, kDevice);
    cycle(at + 10, at + 20, host_interrupt(), 0x50);
    whole_isr(at + 25);
  }
  const auto all = stories();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].delivered_twice + all[1].delivered_twice, 0u);
}

TEST_F(Interrupts, WithoutStampsTheExitAfterItSaysThatOneWasDeliveredTwice) {
  marks({}, false);
  linker().msi_set_irq(HostNs{100}, kDevice);
  accepted(101, kDevice);
  cycle(110, 120, host_interrupt(), 0x50);
  linker().delivered_twice(0, 0x50);
  linker().eoi(0, HostNs{130}, 0x50, true);
  EXPECT_EQ(only_story().delivered_twice, 1u);
}

TEST_F(Interrupts, AnIsrWithoutACauseIsExplainedByTheExitAfterIt) {
  linker().msi_set_irq(HostNs{100}, kDevice);
  accepted(101, kDevice);
  cycle(110, 120, host_interrupt(), 0x50);
  whole_isr(125);
  whole_isr(135);  // it was delivered again, after its handler had returned
  linker().delivered_twice(0, 0x50);
  cycle(140, 150, io());
  const auto all = stories();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].delivered_twice, 0u);
  EXPECT_EQ(all[1].delivered_twice, 1u);
}

TEST_F(Interrupts, TheVmmDropsASecondDelivery) {
  const Interrupt story = timer_of_which_the_vmm_dropped_a_second(false);
  EXPECT_EQ(story.delivered_twice, 1u);
  EXPECT_TRUE(story.complete());
}

TEST_F(Interrupts, ASecondDeliveryOfWhichTheExitTellsTooIsCountedOnce) {
  const Interrupt story = timer_of_which_the_vmm_dropped_a_second(true);
  EXPECT_EQ(story.delivered_twice, 1u);
  EXPECT_TRUE(story.complete());
}

TEST_F(Interrupts, AHandlerThatIsInterruptedHasANestedOneInIt) {
  linker().msi_set_irq(HostNs{100}, kDevice);
  accepted(101, kDevice, 0x40);
  cycle(110, 120, host_interrupt(), 0x40);
  const Isr outer = enter_isr(125, 0x40);
  linker().msi_set_irq(HostNs{126}, kDevice);
  accepted(127, kDevice, 0x50);
  cycle(128, 130, host_interrupt(), 0x50);
  leave_isr(enter_isr(135, 0x50, 1), 136, 140);
  leave_isr(outer, 145, 150);
  const auto all = stories();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].depth, 0u);
  EXPECT_EQ(all[1].depth, 1u);
  EXPECT_TRUE(all[0].complete() && all[1].complete());
  expect(all[0], Link::iret, 150, LinkedBy::guest_stamp);
}

TEST_F(Interrupts, WhatTheGuestCannotTakeYetIsMasked) {
  linker().msi_set_irq(HostNs{100}, kDevice);
  accepted(101, kDevice);
  cycle(110, 120, host_interrupt());                                // not injected: the guest has IF clear
  cycle(130, 140, io());                                            // nor here
  cycle(150, 160, test::description("vintr", Cause::async), 0x50);  // the window that KVM asked for
  whole_isr(165);
  const Interrupt story = only_story();
  EXPECT_EQ(story.entries_masked, 2u);
  expect(story, Link::kicked, 110, LinkedBy::exit);
  EXPECT_TRUE(story.complete());
}

TEST_F(Interrupts, OneThatIsAcceptedJustBeforeAnEntryIsNotMasked) {
  linker().msi_set_irq(HostNs{100}, kDevice);
  accepted(115, kDevice);  // KVM had looked already: it leaves the guest at once
  cycle(110, 120, io());
  cycle(121, 130, host_interrupt(), 0x50);
  whole_isr(135);
  EXPECT_EQ(only_story().entries_masked, 0u);
}

// ---- Incomplete ones

TEST_F(Interrupts, WhatIsMissingIsNamed) {
  linker().msi_set_irq(HostNs{100}, kDevice);
  accepted(101, kDevice);
  cycle(110, 120, host_interrupt(), 0x50);
  leave_isr(enter_isr(125, 0x50), 130, 140, 0, false);  // no K2
  accepted(201, 999);                                   // in a thread of which nothing else is known
  cycle(210, 220, host_interrupt(), 0x50);              // and no ISR
  cycle(310, 320, host_interrupt(), 0x51);              // its acceptance was lost
  accepted(401, kDevice, 0x52);                         // never injected
  const auto all = stories();
  ASSERT_EQ(all.size(), 4u);
  const auto missing = [&](std::size_t index) {
    std::string names;
    for (std::size_t i = 0; i < kLinks; ++i) {
      if (all[index].is_missing(static_cast<Link>(i)))
        names += std::string(link_name(static_cast<Link>(i))) + ' ';
    }
    return names;
  };
  EXPECT_EQ(missing(0), "iret ");
  EXPECT_EQ(missing(1), "raised isr_entry eoi iret ");
  EXPECT_EQ(missing(2), "raised accepted isr_entry eoi iret ");
  EXPECT_EQ(missing(3), "raised injected isr_entry eoi iret ");
}

TEST_F(Interrupts, OneThatNeverReachedItsIsrIsNotGivenTheNextOnes) {
  for (const std::uint64_t t : {100u, 200u}) {
    linker().msi_set_irq(HostNs{t}, kDevice);
    accepted(t + 1, kDevice);
    cycle(t + 10, t + 20, host_interrupt(), 0x50);
  }
  whole_isr(225);
  const auto all = stories();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_TRUE(all[0].is_missing(Link::isr_entry));
  expect(all[1], Link::isr_entry, 225, LinkedBy::guest_stamp);
}

TEST_F(Interrupts, WithoutStampsAStoryEndsAtItsEoi) {
  marks({}, false);
  linker().msi_set_irq(HostNs{100}, kDevice);
  accepted(101, kDevice);
  cycle(110, 120, host_interrupt(), 0x50);
  linker().eoi(0, HostNs{150}, 0x50, true);
  ASSERT_EQ(sink_.interrupts.size(), 1u) << "at once: nothing more can come";
  const Interrupt story = only_story();
  expect(story, Link::eoi, 150, LinkedBy::tracepoint);
  EXPECT_TRUE(story.eoi_exit);
  EXPECT_TRUE(story.complete()) << "it does not lack what only the guest's stamps could tell";
}

TEST_F(Interrupts, TheStampOfAnEoiStandsAndItsExitIsToldBesideIt) {
  accepted(101, kDevice);
  cycle(110, 120, host_interrupt(), 0x50);
  Isr isr = enter_isr(125, 0x50);
  isr.eoi = HostNs{130};
  linker().isr_eoi(0, isr);
  linker().eoi(0, HostNs{135}, 0x50, true);
  leave_isr(isr, 0, 140);
  const Interrupt story = only_story();
  expect(story, Link::eoi, 130, LinkedBy::guest_stamp);
  EXPECT_TRUE(story.eoi_exit);
}

TEST_F(Interrupts, AParavirtualEoiIsNoExit) {
  marks({}, false);
  accepted(101, kDevice);
  cycle(110, 120, host_interrupt(), 0x50);
  linker().eoi(0, HostNs{150}, 0x50, false);
  EXPECT_FALSE(only_story().eoi_exit);
}

// Both of KVM's tracepoints fire for a posted interrupt, one after the other in the thread that raises it.
TEST_F(Interrupts, APostedInterruptIsAcceptedOnce) {
  linker().msi_set_irq(HostNs{103}, kDevice);
  accepted(105, kDevice, 0x51);
  accepted(106, kDevice, 0x51, {}, 0, true);
  whole_isr(125, 0x51);
  const Interrupt story = only_story();
  EXPECT_TRUE(story.posted);
  EXPECT_EQ(story.coalesced, 0u);
  expect(story, Link::accepted, 105, LinkedBy::tracepoint);
  EXPECT_TRUE(story.complete());
}

TEST_F(Interrupts, PostedInterruptsWithoutStampsAreOneStoryEach) {
  marks({}, false);
  for (const std::uint64_t at : {100u, 200u, 300u}) {
    linker().msi_set_irq(HostNs{at}, kDevice);
    accepted(at + 1, kDevice, 0x51);
    accepted(at + 2, kDevice, 0x51, {}, 0, true);
  }
  EXPECT_EQ(sink_.interrupts.size(), 3u) << "at once: neither injection nor EOI will be seen";
  for (const Interrupt& story : stories()) {
    EXPECT_TRUE(story.posted);
    EXPECT_TRUE(story.complete());
    EXPECT_EQ(story.coalesced, 0u);
    EXPECT_EQ(story.between(Link::raised, Link::accepted), 1u);
  }
}

TEST_F(Interrupts, WhatAnotherThreadAcceptedIsNotWhatWasPosted) {
  accepted(100, kDevice, 0x51);
  accepted(101, kVcpu1, 0x52, {}, 0, true);  // of which only this was seen
  whole_isr(125, 0x51);
  whole_isr(145, 0x52);
  const auto all = stories();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_FALSE(all[0].posted);
  EXPECT_TRUE(all[1].posted);
}

TEST_F(Interrupts, AThreadsMarksThatLedToNothingAreNotLaterOnesCause) {
  marks({mark(100, vmm::RaiseKind::line, 20), mark(200, vmm::RaiseKind::line, 20)});
  accepted(205, kDevice);  // the line was up already at 100
  cycle(210, 220, host_interrupt(), 0x50);
  whole_isr(225);
  expect(only_story(), Link::raised, 200, LinkedBy::vmm_mark);
}

TEST_F(Interrupts, StoriesThatNeverEndDoNotFillTheMemory) {
  marks({}, true);
  for (std::uint32_t i = 0; i < 1000; ++i)
    cycle(10 + i * 10, 15 + i * 10, host_interrupt(), 0x20 + i % 200);
  EXPECT_GT(sink_.interrupts.size(), 900u);
  EXPECT_EQ(stories().size(), 1000u);
}

}  // namespace
}  // namespace trapline::tracer
