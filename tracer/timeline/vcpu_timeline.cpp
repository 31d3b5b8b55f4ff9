#include "tracer/timeline/vcpu_timeline.h"

#include <algorithm>

#include "tracer/exits/events.h"
#include "tracer/timeline/guest_stamps.h"
#include "tracer/timeline/states.h"
#include "tracer/timeline/vmm_steps.h"

namespace trapline::tracer {
namespace {

Exit exit_from(const trl_exit_cycle& cycle, bool open) {
  Exit exit;
  exit.exit = HostNs{cycle.exit_ns};
  exit.entry = HostNs{cycle.head.timestamp_ns};
  exit.open = open;
  exit.record = cycle;
  exit.description = describe(cycle);
  exit.halts = is_halt(exit.description);
  if ((cycle.flags & TRL_TO_USER) != 0) exit.user_exit = HostNs{cycle.user_exit_ns};
  return exit;
}

std::vector<Exit> exits_from(const VcpuRecords& records) {
  std::vector<Exit> exits;
  exits.reserve(records.cycles.size() + 1);
  for (const trl_exit_cycle& cycle : records.cycles) {
    if ((cycle.flags & TRL_ENTRY_ONLY) == 0) exits.push_back(exit_from(cycle, false));
  }
  // A cycle told open that ended later has a record of its own; at most the last stays open.
  if (!records.open_cycles.empty()) {
    const trl_exit_cycle& last = records.open_cycles.back();
    if (exits.empty() || exits.back().exit.value < last.exit_ns) exits.push_back(exit_from(last, true));
  }
  return exits;
}

// Each return to user space goes with the first stay of the VMM that ends within its cycle.
void add_stays(std::vector<Exit>& exits, std::span<const DatedStay> stays, std::uint64_t slack_ns) {
  auto stay = stays.begin();
  for (Exit& exit : exits) {
    if (!exit.user_exit) continue;
    while (stay != stays.end() && stay->left.value + slack_ns < exit.user_exit->value)
      ++stay;
    if (stay == stays.end()) return;
    if (!exit.open && stay->left > exit.entry) continue;
    // Converted times may stick out by the clock's error: the cycle's own times are exact.
    exit.vmm_begin = std::max(stay->left, *exit.user_exit);
    exit.vmm_end = exit.open ? stay->entered : std::min(stay->entered, exit.entry);
    if (*exit.vmm_end < *exit.vmm_begin) exit.vmm_end = exit.vmm_begin;
    ++stay;
  }
}

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

std::vector<Injection> injections_from(std::span<const trl_exit_cycle> cycles) {
  std::vector<Injection> injections;
  EventField before;
  for (const trl_exit_cycle& cycle : cycles) {
    const EventField injected_before = before;
    const EventField injected = decode_event(cycle.event_inj);
    before = injected;
    if (!injected.valid) continue;
    Injection injection;
    injection.at = HostNs{cycle.head.timestamp_ns};
    injection.vector = injected.vector;
    injection.exception = injected.type == EventType::exception;
    injection.reinjected = is_reinjection(cycle, injected, injected_before);
    injections.push_back(injection);
  }
  return injections;
}

}  // namespace

VcpuTimeline build_vcpu_timeline(const VcpuRecords& records, std::span<const LossSpan> losses,
                                 std::uint64_t clock_bound_ns, HostNs recording_end) {
  VcpuTimeline timeline;
  timeline.vcpu = records.vcpu;
  timeline.stamps = records.stamps.size();
  timeline.exits = exits_from(records);
  add_stays(timeline.exits, records.stays, clock_bound_ns);
  timeline.steps = place_steps(records.steps, timeline.exits);
  timeline.injections = injections_from(records.cycles);
  timeline.isrs = isrs_from_stamps(records.stamps);
  timeline.events = events_from_stamps(records.stamps);
  link_injections(timeline.injections, timeline.isrs, clock_bound_ns);
  count_exits(timeline.events, timeline.exits);

  if (records.cycles.empty()) return timeline;
  const trl_exit_cycle& first = records.cycles.front();
  const bool from_entry = (first.flags & TRL_ENTRY_ONLY) != 0;
  const HostNs begin{from_entry ? first.head.timestamp_ns : first.exit_ns};
  timeline.stamp_check = check_stamps(records.stamps, timeline.exits, begin, clock_bound_ns);
  HostNs end = recording_end;
  if (!timeline.exits.empty() && timeline.exits.back().open) {
    Exit& open = timeline.exits.back();
    end = open.vmm_end.value_or(open.entry);
    end = std::max(end, open.exit);
    open.entry = end;
  }
  timeline.states = states_of(timeline.exits, records.off_cpu, records.halts, losses, begin, end);
  return timeline;
}

}  // namespace trapline::tracer
