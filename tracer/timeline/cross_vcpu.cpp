#include "tracer/timeline/cross_vcpu.h"

#include <algorithm>
#include <map>
#include <optional>

#include "tracer/timeline/guest_stamps.h"
#include "vmm/guest/abi.h"

namespace trapline::tracer {
namespace {

bool is_handled_elsewhere(const WorkloadEvent& event) {
  return event.workload == GUEST_WORKLOAD_IPI;
}

// Calls `visit` with each event and each ISR that was entered within it. Both are sorted by time, and events
// do not overlap.
template <typename Visit>
void for_isrs_within(std::span<WorkloadEvent> events, std::span<const Isr> isrs, const Visit& visit) {
  auto isr = isrs.begin();
  for (WorkloadEvent& event : events) {
    while (isr != isrs.end() && isr->entry < event.u0)
      ++isr;
    for (; isr != isrs.end() && isr->entry <= event.u3; ++isr)
      visit(event, *isr);
  }
}

class Sender {
 public:
  Sender(std::span<VcpuTimeline> vcpus, VcpuTimeline& sender, std::span<WorkloadEvent> events)
      : vcpus_(vcpus), sender_(sender), events_(events) {}

  void link() {
    for (WorkloadEvent& event : events_) {
      // An interrupt of its own that came in between was not the event's.
      event.k1.reset();
      event.k2.reset();
    }
    const auto vector = main_vector();
    for (const VcpuTimeline& other : vcpus_) {
      if (other.vcpu == sender_.vcpu) continue;
      count_exits(events_, other.exits);
      if (vector) take_handlers(other, *vector);
    }
  }

 private:
  [[nodiscard]] std::optional<std::uint32_t> main_vector() const {
    std::map<std::uint32_t, std::uint64_t> entries;
    for (const VcpuTimeline& other : vcpus_) {
      if (other.vcpu == sender_.vcpu) continue;
      for_isrs_within(events_, other.isrs,
                      [&](const WorkloadEvent&, const Isr& isr) { ++entries[isr.vector]; });
    }
    const auto most = std::max_element(entries.begin(), entries.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    if (most == entries.end()) return std::nullopt;
    return most->first;
  }

  void take_handlers(const VcpuTimeline& other, std::uint32_t vector) {
    for_isrs_within(events_, other.isrs, [&](WorkloadEvent& event, const Isr& isr) {
      if (isr.vector != vector || (event.k1 && *event.k1 <= isr.entry)) return;
      event.k1 = isr.entry;
      event.k2.reset();
      if (isr.complete && isr.iret <= event.u3) event.k2 = isr.iret;
      event.handler_vcpu = other.vcpu;
    });
  }

  std::span<VcpuTimeline> vcpus_;
  VcpuTimeline& sender_;
  std::span<WorkloadEvent> events_;
};

}  // namespace

void link_cross_vcpu_events(std::span<VcpuTimeline> vcpus) {
  for (VcpuTimeline& sender : vcpus) {
    auto begin = sender.events.begin();
    while (begin != sender.events.end()) {
      begin = std::find_if(begin, sender.events.end(), is_handled_elsewhere);
      const auto end = std::find_if_not(begin, sender.events.end(), is_handled_elsewhere);
      Sender(vcpus, sender, {begin, end}).link();
      begin = end;
    }
  }
}

}  // namespace trapline::tracer
