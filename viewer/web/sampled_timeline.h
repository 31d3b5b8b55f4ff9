// Keeps one of N stretches of a timeline, each whole: within it nothing is left out, so shares of time and
// the order of things in it are true.
#pragma once

#include <cstdint>

#include "tracer/timeline/sink.h"

namespace trapline::viewer {

class SampledTimeline : public tracer::TimelineSink {
 public:
  static constexpr std::uint64_t kStretchNs = 10'000'000;

  // `one_in` stretches the first is kept. `sink` must outlive this.
  SampledTimeline(tracer::TimelineSink& sink, std::uint64_t one_in) : sink_(sink), one_in_(one_in) {}

  void begin(const tracer::TimelineHead& head) override;
  // Cut off at a stretch's borders.
  void state(std::uint16_t vcpu, const tracer::StateSlice& slice) override;
  // Those that begin in a stretch come whole.
  void exit(std::uint16_t vcpu, const tracer::Exit& exit) override;
  void step(std::uint16_t vcpu, const tracer::VmmStep& step) override;
  void injection(std::uint16_t vcpu, const tracer::Injection& injection) override;
  void isr(std::uint16_t vcpu, const tracer::Isr& isr) override;
  void event(std::uint16_t vcpu, const tracer::WorkloadEvent& event) override;
  void interrupt(const tracer::Interrupt& interrupt) override;
  void end(HostNs end) override { sink_.end(end); }
  [[nodiscard]] bool wants_more() const override { return sink_.wants_more(); }

 private:
  [[nodiscard]] bool kept(HostNs at) const;

  tracer::TimelineSink& sink_;
  std::uint64_t one_in_;
  HostNs begin_;
};

}  // namespace trapline::viewer
