// The timeline one item at a time, as it becomes known: memory does not grow with the recording.
#pragma once

#include "base/result.h"
#include "tracer/timeline/timeline.h"

namespace trapline::tracer {

// What stream_timeline() calls. Items of one vCPU and one kind come in the order of their begins; but for
// isr(), which comes when an ISR is left: one that was nested comes before the one that it interrupted, and
// interrupt(), which comes when a story has ended. Between kinds and vCPUs there is no order. References are
// valid during the call; `Exit::what` until stream_timeline() returns.
class TimelineSink {
 public:
  virtual ~TimelineSink() = default;

  virtual void begin(const TimelineHead& /*head*/) {}  // first
  virtual void state(std::uint16_t /*vcpu*/, const StateSlice& /*slice*/) {}
  virtual void exit(std::uint16_t /*vcpu*/, const Exit& /*exit*/) {}
  virtual void step(std::uint16_t /*vcpu*/, const VmmStep& /*step*/) {}  // after its exit
  virtual void halt(std::uint16_t /*vcpu*/, const Halt& /*halt*/) {}
  virtual void injection(std::uint16_t /*vcpu*/, const Injection& /*injection*/) {}
  virtual void isr_entered(std::uint16_t /*vcpu*/, const Isr& /*isr*/) {}  // `iret`, `eoi` not known yet
  virtual void isr(std::uint16_t /*vcpu*/, const Isr& /*isr*/) {}
  virtual void event(std::uint16_t /*vcpu*/, const WorkloadEvent& /*event*/) {}
  virtual void interrupt(const Interrupt& /*interrupt*/) {}
  // Once for each vCPU, after all of its items.
  virtual void stamps_checked(std::uint16_t /*vcpu*/, const StampCheck& /*check*/) {}
  virtual void end(HostNs /*end*/) {}  // last

  // False: nothing more is wanted (an output that failed); stream_timeline() returns early, without end().
  [[nodiscard]] virtual bool wants_more() const { return true; }
};

// Reads the whole recording once. Fails where the recording cannot be dated (no clock samples) and at damage.
[[nodiscard]] Status stream_timeline(const recording::RecordingReader& reader, TimelineSink& sink);

// What stream_timeline() would hand to begin(); fails as it does.
[[nodiscard]] Result<TimelineHead> read_timeline_head(const recording::RecordingReader& reader);

// Hands on what overlaps [from, to], counted from head.begin, of the vCPUs in `vcpus` (empty: all).
// States are cut off at the borders; everything else comes whole.
class TimelineWindow : public TimelineSink {
 public:
  struct Limits {
    std::uint64_t from_ns = 0;
    std::uint64_t to_ns = ~std::uint64_t{0};
    std::vector<std::uint16_t> vcpus;
  };
  TimelineWindow(TimelineSink& sink, Limits limits) : sink_(sink), limits_(std::move(limits)) {}

  void begin(const TimelineHead& head) override;
  void state(std::uint16_t vcpu, const StateSlice& slice) override;
  void exit(std::uint16_t vcpu, const Exit& exit) override;
  void step(std::uint16_t vcpu, const VmmStep& step) override;
  void halt(std::uint16_t vcpu, const Halt& halt) override;
  void injection(std::uint16_t vcpu, const Injection& injection) override;
  void isr_entered(std::uint16_t vcpu, const Isr& isr) override;
  void isr(std::uint16_t vcpu, const Isr& isr) override;
  void event(std::uint16_t vcpu, const WorkloadEvent& event) override;
  void interrupt(const Interrupt& interrupt) override;
  void stamps_checked(std::uint16_t vcpu, const StampCheck& check) override;
  void end(HostNs end) override;
  [[nodiscard]] bool wants_more() const override { return sink_.wants_more(); }

 private:
  [[nodiscard]] bool wanted(std::uint16_t vcpu, HostNs begin, HostNs end) const;

  TimelineSink& sink_;
  Limits limits_;
  HostNs from_;
  HostNs to_;
};

}  // namespace trapline::tracer
