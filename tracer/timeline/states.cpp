#include "tracer/timeline/states.h"

#include <algorithm>
#include <array>

namespace trapline::tracer {
namespace {

State runnable(State place) {
  return place == State::vmm ? State::vmm_runnable : State::kvm_runnable;
}

State asleep(State place, const Exit& exit) {
  if (exit.halts) return State::halted;
  return place == State::vmm ? State::vmm_blocked : State::kvm_blocked;
}

}  // namespace

std::string_view state_name(State state) {
  constexpr std::array<std::string_view, kStates> kNames = {
      "guest",       "kvm",         "vmm",       "kvm runnable", "vmm runnable",
      "kvm blocked", "vmm blocked", "halt-poll", "halted",       "unknown"};
  return kNames[static_cast<std::size_t>(state)];
}

void StateWalk::sched_in(HostNs at) {
  if (!off_cpu_.empty() && off_cpu_.back().in == kNever) off_cpu_.back().in = at;
}

void StateWalk::waking(HostNs at) {
  if (off_cpu_.empty()) return;
  OffCpu& off = off_cpu_.back();
  if (off.in == kNever && off.woken == kNever) off.woken = at;
}

void StateWalk::until(HostNs end, State state) {
  end = std::min(end, limit_);
  if (end <= at_) return;
  if (state == State::halt_poll) halt_poll_ns_ += end.value - at_.value;
  if (state == State::halted) halted_ns_ += end.value - at_.value;
  if (has_slice_ && slice_.state == state) {
    slice_.end = end;
  } else {
    if (has_slice_) sink_.state(vcpu_, slice_);
    slice_ = {at_, end, state};
    has_slice_ = true;
  }
  at_ = end;
}

void StateWalk::guest_until(HostNs end) {
  for (const LossSpan& loss : losses_) {
    if (loss.end <= at_ || loss.begin >= end) continue;
    until(std::min(loss.begin, end), State::guest);
    until(std::min(loss.end, end), State::unknown);
  }
  until(end, State::guest);
}

void StateWalk::off_cpu_until(const OffCpu& off, HostNs end, State place, const Exit& exit) {
  const HostNs back = std::min(off.in, end);
  if (off.task_state != 0) {
    const State sleeping = asleep(place, exit);
    until(std::min(off.woken, back), sleeping);
    if (sleeping == State::halted) {
      slept_until_ = at_;
      if (back > at_) wake_delay_ns_ += back.value - at_.value;
    }
  }
  until(back, runnable(place));
}

// In a halt KVM polls until the thread sleeps; what it does after the sleep is waking up.
void StateWalk::on_cpu_until(HostNs end, State place) {
  if (place == State::kvm) {
    for (const HaltSpan& halt : halts_) {
      if (halt.end <= at_ || slept_until_ > halt.begin) continue;
      until(std::min(halt.begin, end), State::kvm);
      until(std::min(halt.end, end), State::halt_poll);
      break;
    }
  }
  until(end, place);
}

// `place` until `end`, but for the stretches in which the thread was off the CPU.
void StateWalk::host_until(HostNs end, State place, const Exit& exit) {
  for (const OffCpu& off : off_cpu_) {
    if (off.in <= at_) continue;
    if (off.out >= end) break;
    on_cpu_until(off.out, place);
    off_cpu_until(off, end, place, exit);
  }
  on_cpu_until(end, place);
}

void StateWalk::handle(const Exit& exit, HostNs back) {
  guest_until(exit.exit);
  if (exit.vmm_begin && exit.vmm_end) {
    host_until(std::min(*exit.vmm_begin, back), State::kvm, exit);
    host_until(std::min(*exit.vmm_end, back), State::vmm, exit);
  } else if (exit.user_exit) {
    host_until(std::min(*exit.user_exit, back), State::kvm, exit);
    host_until(back, State::vmm, exit);
  }
  host_until(back, State::kvm, exit);
}

void StateWalk::forget_past() {
  const auto ended = [this](const auto& span) { return span.end <= at_; };
  while (!off_cpu_.empty() && off_cpu_.front().in <= at_)
    off_cpu_.pop_front();
  while (!halts_.empty() && ended(halts_.front()))
    halts_.pop_front();
  std::erase_if(losses_, ended);
}

void StateWalk::exit(Exit& exit) {
  halt_poll_ns_ = halted_ns_ = wake_delay_ns_ = 0;
  handle(exit, exit.entry);
  exit.halt_poll_ns = halt_poll_ns_;
  exit.halted_ns = halted_ns_;
  exit.wake_delay_ns = wake_delay_ns_;
  forget_past();
}

void StateWalk::finish(const Exit* open, HostNs end) {
  limit_ = end;
  if (open != nullptr) handle(*open, end);
  guest_until(end);
  if (has_slice_) sink_.state(vcpu_, slice_);
  has_slice_ = false;
}

}  // namespace trapline::tracer
