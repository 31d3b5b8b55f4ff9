#include <algorithm>

#include "tracer/timeline/sink.h"

namespace trapline::tracer {

void TimelineWindow::begin(const TimelineHead& head) {
  const auto after_begin = [&](std::uint64_t ns) {
    return HostNs{head.begin.value + std::min(ns, ~head.begin.value)};
  };
  from_ = after_begin(limits_.from_ns);
  to_ = after_begin(limits_.to_ns);
  sink_.begin(head);
}

bool TimelineWindow::wanted(std::uint16_t vcpu, HostNs begin, HostNs end) const {
  if (!limits_.vcpus.empty() && std::ranges::find(limits_.vcpus, vcpu) == limits_.vcpus.end()) return false;
  return begin <= to_ && end >= from_;
}

void TimelineWindow::state(std::uint16_t vcpu, const StateSlice& slice) {
  if (!wanted(vcpu, slice.begin, slice.end)) return;
  const StateSlice part{std::max(slice.begin, from_), std::min(slice.end, to_), slice.state};
  if (part.begin < part.end) sink_.state(vcpu, part);
}

void TimelineWindow::exit(std::uint16_t vcpu, const Exit& exit) {
  if (wanted(vcpu, exit.exit, exit.entry)) sink_.exit(vcpu, exit);
}

void TimelineWindow::step(std::uint16_t vcpu, const VmmStep& step) {
  if (wanted(vcpu, step.begin, step.end)) sink_.step(vcpu, step);
}

void TimelineWindow::halt(std::uint16_t vcpu, const Halt& halt) {
  if (wanted(vcpu, halt.begin, halt.end)) sink_.halt(vcpu, halt);
}

void TimelineWindow::injection(std::uint16_t vcpu, const Injection& injection) {
  if (wanted(vcpu, injection.at, injection.isr_entry.value_or(injection.at)))
    sink_.injection(vcpu, injection);
}

// One that is entered in the window is left there or later: isr() lets it pass, too. One that was entered
// before it comes without its isr_entered().
void TimelineWindow::isr_entered(std::uint16_t vcpu, const Isr& isr) {
  if (isr.entry >= from_ && wanted(vcpu, isr.entry, isr.entry)) sink_.isr_entered(vcpu, isr);
}

void TimelineWindow::isr(std::uint16_t vcpu, const Isr& isr) {
  if (isr.entry >= from_ && wanted(vcpu, isr.entry, isr.iret)) sink_.isr(vcpu, isr);
}

void TimelineWindow::event(std::uint16_t vcpu, const WorkloadEvent& event) {
  if (wanted(vcpu, event.u0, event.u3)) sink_.event(vcpu, event);
}

void TimelineWindow::interrupt(const Interrupt& interrupt) {
  if (wanted(interrupt.vcpu, interrupt.begin(), interrupt.end())) sink_.interrupt(interrupt);
}

void TimelineWindow::stamps_checked(std::uint16_t vcpu, const StampCheck& check) {
  if (wanted(vcpu, from_, from_)) sink_.stamps_checked(vcpu, check);
}

void TimelineWindow::end(HostNs end) {
  sink_.end(std::clamp(end, from_, to_));
}

}  // namespace trapline::tracer
