#include "viewer/web/sampled_timeline.h"

#include <algorithm>

namespace trapline::viewer {

void SampledTimeline::begin(const tracer::TimelineHead& head) {
  begin_ = head.begin;
  sink_.begin(head);
}

bool SampledTimeline::kept(HostNs at) const {
  return (at.value - std::min(at, begin_).value) / kStretchNs % one_in_ == 0;
}

// A long one can reach through many stretches, of which only every N-th is looked at.
void SampledTimeline::state(std::uint16_t vcpu, const tracer::StateSlice& slice) {
  if (one_in_ <= 1) return sink_.state(vcpu, slice);
  const std::uint64_t period = one_in_ * kStretchNs;
  const std::uint64_t after = slice.begin.value - std::min(slice.begin, begin_).value;
  // What no clock has a recording may hold: a state of centuries is not followed to its end.
  constexpr unsigned kMostPieces = 1u << 20;
  std::uint64_t first = begin_.value + after / period * period;
  for (unsigned piece = 0; piece < kMostPieces && first < slice.end.value; ++piece, first += period) {
    const HostNs begin = std::max(slice.begin, HostNs{first});
    const HostNs end = std::min(slice.end, HostNs{first + kStretchNs});
    if (begin < end) sink_.state(vcpu, {begin, end, slice.state});
    if (first + period < first) return;
  }
}

void SampledTimeline::exit(std::uint16_t vcpu, const tracer::Exit& exit) {
  if (kept(exit.exit)) sink_.exit(vcpu, exit);
}

void SampledTimeline::step(std::uint16_t vcpu, const tracer::VmmStep& step) {
  if (kept(step.begin)) sink_.step(vcpu, step);
}

void SampledTimeline::injection(std::uint16_t vcpu, const tracer::Injection& injection) {
  if (kept(injection.at)) sink_.injection(vcpu, injection);
}

void SampledTimeline::isr(std::uint16_t vcpu, const tracer::Isr& isr) {
  if (kept(isr.entry)) sink_.isr(vcpu, isr);
}

void SampledTimeline::event(std::uint16_t vcpu, const tracer::WorkloadEvent& event) {
  if (kept(event.u0)) sink_.event(vcpu, event);
}

void SampledTimeline::interrupt(const tracer::Interrupt& interrupt) {
  if (kept(interrupt.begin())) sink_.interrupt(interrupt);
}

}  // namespace trapline::viewer
