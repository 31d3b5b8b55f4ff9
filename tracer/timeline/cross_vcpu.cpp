#include "tracer/timeline/cross_vcpu.h"

#include <algorithm>

#include "tracer/timeline/workload_events.h"
#include "vmm/workload_vectors.h"

namespace trapline::tracer {
namespace {

// Of each vCPU: with one that never runs, nothing would ever be known to be past.
constexpr std::size_t kMaxSeen = 1 << 16;
constexpr std::size_t kMaxHeld = 1 << 12;

}  // namespace

CrossVcpuEvents::CrossVcpuEvents(std::span<const std::uint16_t> vcpus, TimelineSink& sink) : sink_(sink) {
  for (const std::uint16_t vcpu : vcpus)
    vcpus_[vcpu];
}

void CrossVcpuEvents::exit(std::uint16_t vcpu, const Exit& exit) {
  sink_.exit(vcpu, exit);
  Seen& seen = vcpus_[vcpu];
  seen.exits.push_back({exit.exit, exit.what->cause, exit.user_exit.has_value()});
  if (seen.exits.size() > kMaxSeen) seen.exits.pop_front();
  seen_until(vcpu, exit.exit);
}

void CrossVcpuEvents::isr(std::uint16_t vcpu, const Isr& isr) {
  sink_.isr(vcpu, isr);
  if (!vmm::may_handle(GUEST_WORKLOAD_IPI, static_cast<std::uint16_t>(isr.vector))) return;
  Seen& seen = vcpus_[vcpu];
  seen.isrs.push_back(isr);
  if (seen.isrs.size() > kMaxSeen) seen.isrs.pop_front();
}

void CrossVcpuEvents::event(std::uint16_t vcpu, const WorkloadEvent& event) {
  // Others must not overtake those that are held: events of a vCPU come in order.
  held_.push_back({vcpu, event});
  release(held_.size() > kMaxHeld);
}

void CrossVcpuEvents::seen_until(std::uint16_t vcpu, HostNs at) {
  vcpus_[vcpu].until = at;
  release(false);
  forget_past();
}

bool CrossVcpuEvents::is_known(const Held& held) const {
  if (held.event.workload != GUEST_WORKLOAD_IPI) return true;
  return std::all_of(vcpus_.begin(), vcpus_.end(), [&](const auto& entry) {
    return entry.first == held.sender || entry.second.over || entry.second.until > held.event.u3;
  });
}

void CrossVcpuEvents::complete(Held& held) const {
  WorkloadEvent& event = held.event;
  // An interrupt of its own that came in between was not the event's.
  event.k1.reset();
  event.k2.reset();
  for (const auto& [vcpu, seen] : vcpus_) {
    if (vcpu == held.sender) continue;
    auto exit = std::ranges::lower_bound(seen.exits, event.u0, {}, &SeenExit::exit);
    for (; exit != seen.exits.end() && exit->exit < event.u3; ++exit)
      count_exit(event, exit->cause, exit->to_user);
    const auto isr = std::ranges::lower_bound(seen.isrs, event.u0, {}, &Isr::entry);
    if (isr == seen.isrs.end() || isr->entry > event.u3 || (event.k1 && *event.k1 <= isr->entry)) continue;
    event.k1 = isr->entry;
    event.k2.reset();
    if (isr->complete && isr->iret <= event.u3) event.k2 = isr->iret;
    event.handler_vcpu = vcpu;
  }
}

void CrossVcpuEvents::release(bool all) {
  while (!held_.empty() && (all || is_known(held_.front()))) {
    if (held_.front().event.workload == GUEST_WORKLOAD_IPI) complete(held_.front());
    sink_.event(held_.front().sender, held_.front().event);
    held_.pop_front();
  }
}

// What lies before the begin of every event that is held or may still come.
void CrossVcpuEvents::forget_past() {
  HostNs past{~std::uint64_t{0}};
  for (const auto& [vcpu, seen] : vcpus_)
    past = std::min(past, seen.until);
  if (!held_.empty()) past = std::min(past, held_.front().event.u0);
  for (auto& [vcpu, seen] : vcpus_) {
    // The event at hand of a vCPU that was seen until `past` began an event before that.
    while (seen.exits.size() > kMaxHeld && seen.exits.front().exit < past)
      seen.exits.pop_front();
    while (seen.isrs.size() > kMaxHeld && seen.isrs.front().entry < past)
      seen.isrs.pop_front();
  }
}

void CrossVcpuEvents::stamps_checked(std::uint16_t vcpu, const StampCheck& check) {
  sink_.stamps_checked(vcpu, check);
  vcpus_[vcpu].over = true;
  release(false);
}

void CrossVcpuEvents::end(HostNs end) {
  release(true);
  sink_.end(end);
}

}  // namespace trapline::tracer
