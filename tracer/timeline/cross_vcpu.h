// Events that one vCPU causes and another handles.
#pragma once

#include <deque>
#include <map>
#include <span>

#include "tracer/timeline/sink.h"

namespace trapline::tracer {

// Stands before a sink and completes the events of the workload ipi, of which the sender stamps U0 and U3
// only. K1 and K2 are those of the first ISR for an IPI that another vCPU entered between the two. Exits of
// the other vCPUs that began between U0 and U3 count, too: waking the target is part of what the event costs.
// Everything else is handed on as it comes.
class CrossVcpuEvents : public TimelineSink {
 public:
  // `vcpus`: all that there will be.
  CrossVcpuEvents(std::span<const std::uint16_t> vcpus, TimelineSink& sink);

  void begin(const TimelineHead& head) override { sink_.begin(head); }
  void state(std::uint16_t vcpu, const StateSlice& slice) override { sink_.state(vcpu, slice); }
  void exit(std::uint16_t vcpu, const Exit& exit) override;
  void step(std::uint16_t vcpu, const VmmStep& step) override { sink_.step(vcpu, step); }
  void halt(std::uint16_t vcpu, const Halt& halt) override { sink_.halt(vcpu, halt); }
  void injection(std::uint16_t vcpu, const Injection& injection) override {
    sink_.injection(vcpu, injection);
  }
  void isr_entered(std::uint16_t vcpu, const Isr& isr) override { sink_.isr_entered(vcpu, isr); }
  void isr(std::uint16_t vcpu, const Isr& isr) override;
  void event(std::uint16_t vcpu, const WorkloadEvent& event) override;
  void interrupt(const Interrupt& interrupt) override { sink_.interrupt(interrupt); }
  void stamps_checked(std::uint16_t vcpu, const StampCheck& check) override;
  void end(HostNs end) override;
  [[nodiscard]] bool wants_more() const override { return sink_.wants_more(); }

 private:
  struct SeenExit {
    HostNs exit;
    Cause cause;
    bool to_user;
  };
  struct Seen {  // of one vCPU, that an event of another may want
    std::deque<SeenExit> exits;
    std::deque<Isr> isrs;
    HostNs until;  // it has been seen up to here
    bool over = false;
  };
  struct Held {
    std::uint16_t sender;
    WorkloadEvent event;
  };

  void seen_until(std::uint16_t vcpu, HostNs at);
  [[nodiscard]] bool is_known(const Held& held) const;
  void complete(Held& held) const;
  void release(bool all);
  void forget_past();

  TimelineSink& sink_;
  std::map<std::uint16_t, Seen> vcpus_;
  std::deque<Held> held_;
};

}  // namespace trapline::tracer
