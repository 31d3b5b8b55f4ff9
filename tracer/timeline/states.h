// In which state a vCPU was at every moment between its first entry and the end.
#pragma once

#include <deque>
#include <vector>

#include "tracer/timeline/dated.h"
#include "tracer/timeline/sink.h"

namespace trapline::tracer {

// Told of a vCPU's exits and of what its thread did meanwhile, in the order of time, it hands on slices that
// touch, do not overlap, and together last from start() to finish() exactly.
class StateWalk {
 public:
  StateWalk(std::uint16_t vcpu, TimelineSink& sink) : vcpu_(vcpu), sink_(sink) {}

  void start(HostNs begin) { at_ = begin; }

  void sched_out(HostNs at, std::uint64_t task_state) {
    off_cpu_.push_back({at, kNever, task_state, kNever});
  }
  void sched_in(HostNs at);
  void waking(HostNs at);
  void halt(HaltSpan halt) { halts_.push_back(halt); }
  // Where the guest seems to have run in it the state is unknown: exits may be missing there.
  void loss(LossSpan loss) { losses_.push_back(loss); }

  // The vCPU ran in the guest until the exit, and is back in it at the entry. All that happened until the
  // entry has been told. Fills in how long of it the guest waited.
  void exit(Exit& exit);
  // The same for the exit that the recording ends in.
  void finish(const Exit* open, HostNs end);

 private:
  void guest_until(HostNs end);
  void host_until(HostNs end, State place, const Exit& exit);
  void off_cpu_until(const OffCpu& off, HostNs end, State place, const Exit& exit);
  void on_cpu_until(HostNs end, State place);
  void handle(const Exit& exit, HostNs back);
  void until(HostNs end, State state);
  void forget_past();

  std::uint16_t vcpu_;
  TimelineSink& sink_;
  HostNs at_;
  HostNs limit_ = kNever;
  StateSlice slice_;  // not handed on yet: the next may be of the same state
  bool has_slice_ = false;
  std::uint64_t halt_poll_ns_ = 0;  // of the exit at hand
  std::uint64_t halted_ns_ = 0;
  std::uint64_t wake_delay_ns_ = 0;
  HostNs slept_until_;  // in a halt KVM polls until the thread sleeps, not after it
  std::deque<OffCpu> off_cpu_;
  std::deque<HaltSpan> halts_;
  std::deque<LossSpan> losses_;
};

}  // namespace trapline::tracer
