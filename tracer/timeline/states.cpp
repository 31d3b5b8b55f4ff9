#include "tracer/timeline/states.h"

#include <algorithm>

namespace trapline::tracer {
namespace {

// Appends slices that follow one another; what would go back in time, or beyond the end, is cut off.
class Slices {
 public:
  Slices(HostNs begin, HostNs limit) : at_(begin), limit_(limit) {}

  void until(HostNs end, State state) {
    end = std::min(end, limit_);
    if (end <= at_) return;
    if (!slices_.empty() && slices_.back().state == state) {
      slices_.back().end = end;
    } else {
      slices_.push_back({at_, end, state});
    }
    at_ = end;
  }
  [[nodiscard]] HostNs at() const { return at_; }
  std::vector<StateSlice> take() { return std::move(slices_); }

 private:
  HostNs at_;
  HostNs limit_;
  std::vector<StateSlice> slices_;
};

State state_off_cpu(const OffCpu& off, const Exit& exit) {
  if (off.task_state == 0) return State::preempted;
  return exit.halts ? State::halted : State::blocked;
}

class StateWalk {
 public:
  StateWalk(std::span<const OffCpu> off_cpu, std::span<const HaltSpan> halts,
            std::span<const LossSpan> losses, HostNs begin, HostNs end)
      : off_cpu_(off_cpu), halts_(halts), losses_(losses), slices_(begin, end) {}

  void guest_until(HostNs end) {
    for (const LossSpan& loss : losses_) {
      if (loss.end <= slices_.at() || loss.begin >= end) continue;
      slices_.until(std::min(loss.begin, end), State::guest);
      slices_.until(std::min(loss.end, end), State::unknown);
    }
    slices_.until(end, State::guest);
  }

  // `state` until `end`, but for the stretches in which the thread was off the CPU.
  void host_until(HostNs end, State state, const Exit& exit) {
    while (next_off_ < off_cpu_.size() && off_cpu_[next_off_].in <= slices_.at())
      ++next_off_;
    for (std::size_t i = next_off_; i < off_cpu_.size() && off_cpu_[i].out < end; ++i) {
      on_cpu_until(off_cpu_[i].out, state);
      const State away = state_off_cpu(off_cpu_[i], exit);
      slices_.until(std::min(off_cpu_[i].in, end), away);
      if (away == State::halted) polled_until_ = slices_.at();
    }
    on_cpu_until(end, state);
  }

  std::vector<StateSlice> take() { return slices_.take(); }

 private:
  // In a halt KVM polls until the thread sleeps; what it does after the sleep is waking up.
  void on_cpu_until(HostNs end, State state) {
    while (next_halt_ < halts_.size() && halts_[next_halt_].end <= slices_.at())
      ++next_halt_;
    if (state == State::kvm && next_halt_ < halts_.size() && polled_until_ <= halts_[next_halt_].begin) {
      const HaltSpan& halt = halts_[next_halt_];
      slices_.until(std::min(halt.begin, end), State::kvm);
      slices_.until(std::min(halt.end, end), State::halt_poll);
    }
    slices_.until(end, state);
  }

  std::span<const OffCpu> off_cpu_;
  std::span<const HaltSpan> halts_;
  std::span<const LossSpan> losses_;
  std::size_t next_halt_ = 0;
  HostNs polled_until_;  // the thread has slept since
  std::size_t next_off_ = 0;
  Slices slices_;
};

}  // namespace

std::vector<StateSlice> states_of(std::span<const Exit> exits, std::span<const OffCpu> off_cpu,
                                  std::span<const HaltSpan> halts, std::span<const LossSpan> losses,
                                  HostNs begin, HostNs end) {
  StateWalk walk(off_cpu, halts, losses, begin, end);
  for (const Exit& exit : exits) {
    walk.guest_until(exit.exit);
    const HostNs back = exit.open ? end : exit.entry;
    if (exit.vmm_begin && exit.vmm_end) {
      walk.host_until(std::min(*exit.vmm_begin, back), State::kvm, exit);
      walk.host_until(std::min(*exit.vmm_end, back), State::vmm, exit);
    } else if (exit.user_exit) {
      walk.host_until(std::min(*exit.user_exit, back), State::kvm, exit);
      walk.host_until(back, State::vmm, exit);
    }
    walk.host_until(back, State::kvm, exit);
  }
  walk.guest_until(end);
  return walk.take();
}

}  // namespace trapline::tracer
