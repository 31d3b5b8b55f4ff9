#include "tracer/timeline/vcpu_stream.h"

#include <algorithm>

#include "vmm/steps.h"

namespace trapline::tracer {
namespace {

// Injections that wait for their ISR. More than one does where a second event is injected before the first
// one's handler has stamped its entry.
constexpr std::size_t kMaxInjectionsHeld = 8;

// Whether the entry of `cycle` injects again what an exit interrupted, and not a new event.
//
// KVM's own flag cannot tell: its tracepoint sets `reinjected` on every KVM_INTERRUPT. EXITINTINFO alone
// cannot either: KVM writes an injection there, too, that it prepared and called off before the entry
// (svm_cancel_injection). An interrupt's delivery can only have been interrupted if the entry before injected
// it; an exception or INT n may have been the guest's own.
bool is_reinjection(const trl_exit_cycle& cycle, const EventField& injected,
                    const EventField& injected_before) {
  if ((cycle.flags & TRL_ENTRY_ONLY) != 0) return false;
  const auto same_event = [&](const EventField& other) {
    return other.valid && other.vector == injected.vector && other.type == injected.type;
  };
  if (!same_event(decode_event(cycle.exit_int_info))) return false;
  const bool only_injected = injected.type == EventType::interrupt || injected.type == EventType::nmi;
  return !only_injected || same_event(injected_before);
}

// QEMU's SVM delivers an injected interrupt again as if it were an exception (target/i386/tcg: helper_vmrun()
// leaves cs->exception_index set), and clears nothing but the valid bit of what it leaves for the next exit.
// No exception has such a vector.
std::optional<std::uint32_t> delivered_twice(const trl_exit_cycle& cycle) {
  constexpr std::uint64_t kExceptionType = 3;
  constexpr std::uint64_t kValid = std::uint64_t{1} << 31;
  constexpr std::uint32_t kExceptions = 32;
  const std::uint64_t info = cycle.exit_int_info;
  const auto vector = static_cast<std::uint32_t>(info & 0xff);
  if ((info & kValid) != 0 || (info >> 8 & 7) != kExceptionType || vector < kExceptions) return std::nullopt;
  return vector;
}

struct Window {
  HostNs begin;
  HostNs end;
};

Window window_in(const Exit& exit, const VmmStep& step) {
  const Window whole{exit.exit, exit.open ? kNever : exit.entry};
  if (!exit.vmm_begin || !exit.vmm_end) return whole;
  // KVM_RUN can come back twice in one exit, and the last stay is the one that is known.
  if (step.end <= *exit.vmm_begin) return {exit.exit, *exit.vmm_begin};
  return {*exit.vmm_begin, *exit.vmm_end};
}

}  // namespace

VcpuStream::VcpuStream(std::uint16_t vcpu, VcpuFeeds feeds, const Context& context)
    : vcpu_(vcpu),
      feeds_(std::move(feeds)),
      context_(context),
      states_(vcpu, *context.sink),
      isrs_(vcpu, *context.sink, *context.linker),
      events_(vcpu, *context.sink),
      last_entry_(context.begin) {
  if (context.exits_left_out) states_.exits_are_left_out();
}

// An exit from before the recording, or from before the entry before it (whose record was lost, or damaged),
// is none that could be told of.
bool VcpuStream::has_exit(const trl_exit_cycle& cycle) const {
  return (cycle.flags & TRL_ENTRY_ONLY) == 0 && cycle.exit_ns >= last_entry_.value &&
         cycle.exit_ns <= cycle.head.timestamp_ns;
}

Exit VcpuStream::exit_from(const trl_exit_cycle& cycle, bool open) {
  Exit exit;
  exit.exit = HostNs{cycle.exit_ns};
  exit.entry = HostNs{cycle.head.timestamp_ns};
  exit.open = open;
  exit.record = cycle;
  exit.what = context_.kinds->describe(cycle);
  exit.halts = exit.what->halts;
  if ((cycle.flags & TRL_TO_USER) != 0) {
    exit.user_exit = std::clamp(HostNs{cycle.user_exit_ns}, exit.exit, exit.entry);
  }
  return exit;
}

void VcpuStream::begin_at(HostNs begin) {
  begun_ = true;
  last_entry_ = begin;
  states_.start(begin);
}

// A return to user space goes with the first stay of the VMM that ends within its cycle.
void VcpuStream::add_stay(Exit& exit) {
  if (!exit.user_exit) return;
  const DatedStay* stay = feeds_.stays.peek();
  while (stay != nullptr && stay->left.value + context_.clock_bound_ns < exit.user_exit->value) {
    feeds_.stays.pop();
    stay = feeds_.stays.peek();
  }
  if (stay == nullptr || (!exit.open && stay->left > exit.entry)) {
    if (!run_entered_ || *run_entered_ < *exit.user_exit) return;
    exit.vmm_begin = exit.user_exit;
    exit.vmm_end = std::min(*run_entered_, exit.entry);
    return;
  }
  // Converted times may stick out by the clock's error: the cycle's own times are exact.
  exit.vmm_begin = std::max(stay->left, *exit.user_exit);
  exit.vmm_end = exit.open ? stay->entered : std::min(stay->entered, exit.entry);
  if (*exit.vmm_end < *exit.vmm_begin) exit.vmm_end = exit.vmm_begin;
  feeds_.stays.pop();
}

void VcpuStream::take_stamp(const DatedStamp& stamp, std::uint64_t outside_ns) {
  ++check_.checked;
  check_.worst_violation_ns = std::max(check_.worst_violation_ns, outside_ns);
  if (outside_ns > context_.clock_bound_ns) ++check_.outside;
  events_.stamp(stamp);
  const Isr* isr = isrs_.stamp(stamp);
  if (isr == nullptr) return;
  // The latest injection of the vector brought it; those before it were interrupted, or their stamps lost.
  const auto brought = std::find_if(
      injections_.rbegin(), injections_.rend(),
      [&](const Injection& injection) { return injection.vector == isr->vector && !injection.isr_entry; });
  if (brought == injections_.rend()) return;
  brought->isr_entry = std::max(isr->entry, brought->at);
  release_injections(false);
}

// The guest's stamps since the last entry. One that is dated into the exit belongs to its nearer end.
void VcpuStream::take_stamps_before(const Exit& exit) {
  for (const DatedStamp* stamp = feeds_.stamps.peek(); stamp != nullptr; stamp = feeds_.stamps.peek()) {
    std::uint64_t outside = stamp->at < last_entry_ ? last_entry_.value - stamp->at.value : 0;
    if (stamp->at > exit.exit) {
      outside = stamp->at.value - exit.exit.value;
      if (!exit.open && (stamp->at >= exit.entry || exit.entry.value - stamp->at.value < outside)) return;
    }
    take_stamp(*stamp, outside);
    feeds_.stamps.pop();
  }
}

// What the VMM did in this exit. Each step ends up within its exit's stay in the VMM, or, where that was not
// recorded, within the exit: converted times may stick out by the clock's error. Steps of which the exit was
// lost keep their times, but for what would reach into an exit that is known.
void VcpuStream::take_steps(Exit& exit) {
  for (const VmmStep* next = feeds_.steps.peek(); next != nullptr; next = feeds_.steps.peek()) {
    if (!exit.open && next->begin >= exit.entry) return;
    VmmStep step = *next;
    feeds_.steps.pop();
    Window window{last_entry_, exit.exit};
    if (step.begin >= exit.exit) {
      window = window_in(exit, step);
      if (step.count_kind == GUEST_COUNT_HLT) exit.halts = true;
    }
    step.begin = std::clamp(step.begin, window.begin, window.end);
    step.end = std::clamp(step.end, step.begin, window.end);
    steps_.push_back(step);
  }
}

// KVM takes note of a paravirtual EOI by the routine for an EOI that exits, and says both, this one second.
void VcpuStream::pv_eoi(HostNs at, std::uint32_t vector) {
  if (!eois_.empty() && eois_.back().vector == vector) {
    eois_.back().by_exit = false;
  } else {
    eois_.push_back({at, vector, false});
  }
}

void VcpuStream::woke_up(HostNs at, std::uint64_t halted_ns, bool slept) {
  const HaltSpan span{HostNs{at.value - std::min(at.value, halted_ns)}, at};
  states_.halt(span);
  context_.sink->halt(vcpu_, {span.begin, span.end, slept, poll_window_ns_});
}

void VcpuStream::take_eois() {
  for (const Eoi& eoi : eois_)
    context_.linker->eoi(vcpu_, eoi.at, eoi.vector, eoi.by_exit);
  eois_.clear();
}

void VcpuStream::release_injections(bool all) {
  const auto waiting = [](const Injection& injection) { return !injection.isr_entry.has_value(); };
  auto end = injections_.begin();
  while (end != injections_.end() &&
         (all || !waiting(*end) || static_cast<std::size_t>(injections_.end() - end) > kMaxInjectionsHeld)) {
    context_.sink->injection(vcpu_, *end);
    ++end;
  }
  injections_.erase(injections_.begin(), end);
}

void VcpuStream::inject(const trl_exit_cycle& cycle, const Exit* exit) {
  const EventField injected = decode_event(cycle.event_inj);
  if (injected.valid) {
    Injection injection;
    injection.at = HostNs{cycle.head.timestamp_ns};
    injection.vector = injected.vector;
    injection.exception = injected.type == EventType::exception;
    injection.reinjected = is_reinjection(cycle, injected, injected_before_);
    injection.interrupt = context_.linker->injected(vcpu_, injection, injected.type, exit);
    // An earlier one of the vector that has no ISR yet will have none.
    const bool supersedes =
        std::any_of(injections_.begin(), injections_.end(),
                    [&](const Injection& earlier) { return earlier.vector == injection.vector; });
    if (supersedes) release_injections(true);
    injections_.push_back(injection);
    release_injections(false);
  }
  injected_before_ = injected;
}

void VcpuStream::cycle(const trl_exit_cycle& cycle) {
  const HostNs entry{cycle.head.timestamp_ns};
  if (!begun_) begin_at(has_exit(cycle) ? HostNs{cycle.exit_ns} : entry);
  std::optional<Exit> exit;
  if (has_exit(cycle)) {
    exit = exit_from(cycle, false);
    take_stamps_before(*exit);
    if (const auto vector = delivered_twice(cycle)) context_.linker->delivered_twice(vcpu_, *vector);
    add_stay(*exit);
    take_steps(*exit);
    take_eois();
    events_.exit(*exit);
    states_.exit(*exit);
    context_.sink->exit(vcpu_, *exit);
    for (const VmmStep& step : steps_) {
      context_.sink->step(vcpu_, step);
      context_.linker->vmm_step(vcpu_, step, *exit);
    }
    steps_.clear();
    context_.linker->cycle(vcpu_, *exit);
  }
  inject(cycle, exit ? &*exit : nullptr);
  context_.linker->entered(vcpu_, entry);
  last_entry_ = entry;
  run_entered_.reset();
  ended_.reset();  // another thread runs it now
  if (open_ && exit && open_->exit_ns <= cycle.exit_ns) open_.reset();
}

HostNs VcpuStream::finish(HostNs end) {
  if (ended_) end = std::min(end, std::max(*ended_, last_entry_));
  std::optional<Exit> open;
  if (open_ && begun_ && has_exit(*open_)) {
    open = exit_from(*open_, true);
    take_stamps_before(*open);
    add_stay(*open);
    take_steps(*open);
    take_eois();
    end = std::max(open->vmm_end.value_or(open->entry), open->exit);
    open->entry = end;
    events_.exit(*open);
    context_.sink->exit(vcpu_, *open);
    for (const VmmStep& step : steps_)
      context_.sink->step(vcpu_, step);
    steps_.clear();
    context_.linker->cycle(vcpu_, *open);
  }
  for (const DatedStamp* stamp = feeds_.stamps.peek(); stamp != nullptr; stamp = feeds_.stamps.peek()) {
    take_stamp(*stamp, stamp->at < last_entry_ ? last_entry_.value - stamp->at.value : 0);
    feeds_.stamps.pop();
  }
  for (const VmmStep* next = feeds_.steps.peek(); next != nullptr; next = feeds_.steps.peek()) {
    VmmStep step = *next;
    step.begin = std::max(step.begin, last_entry_);
    step.end = std::max(step.end, step.begin);
    context_.sink->step(vcpu_, step);
    feeds_.steps.pop();
  }
  take_eois();
  isrs_.finish(end);
  release_injections(true);
  if (begun_) states_.finish(open ? &*open : nullptr, end);
  context_.sink->stamps_checked(vcpu_, check_);
  return end;
}

}  // namespace trapline::tracer
