#include "tracer/timeline/guest_stamps.h"

#include <algorithm>
#include <map>

namespace trapline::tracer {
namespace {

// For each workload the vector that was entered most often between its U0 and U3.
std::map<std::uint16_t, std::uint16_t> main_vectors(std::span<const DatedStamp> stamps) {
  std::map<std::uint16_t, std::map<std::uint16_t, std::uint64_t>> entries;
  bool in_event = false;
  for (const DatedStamp& dated : stamps) {
    const guest_stamp& stamp = dated.stamp;
    if (stamp.kind == GUEST_STAMP_U0) in_event = true;
    if (stamp.kind == GUEST_STAMP_U3) in_event = false;
    if (stamp.kind == GUEST_STAMP_K1 && in_event) ++entries[stamp.workload][stamp.vector];
  }
  std::map<std::uint16_t, std::uint16_t> main;
  for (const auto& [workload, by_vector] : entries) {
    main[workload] = std::max_element(by_vector.begin(), by_vector.end(), [](const auto& a, const auto& b) {
                       return a.second < b.second;
                     })->first;
  }
  return main;
}

}  // namespace

std::vector<Isr> isrs_from_stamps(std::span<const DatedStamp> stamps) {
  std::vector<Isr> isrs;
  std::vector<std::size_t> open;  // indices of ISRs entered and not left, the innermost last
  for (const DatedStamp& dated : stamps) {
    const guest_stamp& stamp = dated.stamp;
    if (stamp.kind == GUEST_STAMP_K1) {
      Isr isr;
      isr.entry = isr.iret = dated.at;
      isr.vector = stamp.vector;
      isr.workload = stamp.workload;
      isr.depth = static_cast<unsigned>(open.size());
      open.push_back(isrs.size());
      isrs.push_back(isr);
    } else if (stamp.kind == GUEST_STAMP_EOI && !open.empty()) {
      isrs[open.back()].eoi = dated.at;
    } else if (stamp.kind == GUEST_STAMP_K2) {
      // Stamps may have been overwritten: an inner ISR without its K2 stays incomplete, and ends where it
      // began.
      const auto match = std::find_if(open.rbegin(), open.rend(),
                                      [&](std::size_t index) { return isrs[index].vector == stamp.vector; });
      if (match == open.rend()) continue;
      isrs[*match].iret = dated.at;
      isrs[*match].complete = true;
      open.erase(std::prev(match.base()), open.end());
    }
  }
  return isrs;
}

std::vector<WorkloadEvent> events_from_stamps(std::span<const DatedStamp> stamps) {
  const auto main = main_vectors(stamps);
  std::vector<WorkloadEvent> events;
  std::optional<WorkloadEvent> event;
  for (const DatedStamp& dated : stamps) {
    const guest_stamp& stamp = dated.stamp;
    if (stamp.kind == GUEST_STAMP_U0) {
      event = WorkloadEvent{};
      event->workload = stamp.workload;
      event->iteration = stamp.arg;
      event->u0 = dated.at;
    }
    if (!event) continue;
    const auto vector = main.find(stamp.workload);
    const bool own = vector != main.end() && vector->second == stamp.vector;
    if (stamp.kind == GUEST_STAMP_K1 && own && !event->k1) event->k1 = dated.at;
    if (stamp.kind == GUEST_STAMP_K2 && own && event->k1 && !event->k2) event->k2 = dated.at;
    // The iteration tells whether stamps between U0 and this U3 were lost.
    if (stamp.kind == GUEST_STAMP_U3 && stamp.workload == event->workload && stamp.arg == event->iteration) {
      event->u3 = dated.at;
      events.push_back(*event);
      event.reset();
    }
  }
  return events;
}

void count_exits(std::span<WorkloadEvent> events, std::span<const Exit> exits) {
  auto exit = exits.begin();
  for (WorkloadEvent& event : events) {
    while (exit != exits.end() && exit->exit < event.u0)
      ++exit;
    for (; exit != exits.end() && exit->exit < event.u3; ++exit) {
      if (exit->description.cause == Cause::async) {
        ++event.async_exits;
      } else if (exit->user_exit) {
        ++event.user_exits;
      } else {
        ++event.kernel_exits;
      }
    }
  }
}

void link_injections(std::vector<Injection>& injections, std::vector<Isr>& isrs, std::uint64_t slack_ns) {
  // Delivery that failed is repeated at the next entry: of the attempts at one event only the last brings the
  // ISR.
  std::map<std::uint32_t, std::vector<std::size_t>> last_attempts;
  for (std::size_t i = 0; i < injections.size(); ++i) {
    std::vector<std::size_t>& attempts = last_attempts[injections[i].vector];
    if (injections[i].reinjected && !attempts.empty()) attempts.pop_back();
    attempts.push_back(i);
  }
  std::map<std::uint32_t, std::vector<std::size_t>> isrs_of_vector;
  for (std::size_t i = 0; i < isrs.size(); ++i)
    isrs_of_vector[isrs[i].vector].push_back(i);

  for (const auto& [vector, attempts] : last_attempts) {
    const std::vector<std::size_t>& candidates = isrs_of_vector[vector];
    auto candidate = candidates.begin();
    for (const std::size_t attempt : attempts) {
      const auto too_early = [&](std::size_t isr) {
        return isrs[isr].entry.value + slack_ns < injections[attempt].at.value;
      };
      candidate = std::find_if_not(candidate, candidates.end(), too_early);
      if (candidate == candidates.end()) break;
      injections[attempt].isr = *candidate;
      isrs[*candidate].injection = attempt;
      ++candidate;
    }
  }
}

StampCheck check_stamps(std::span<const DatedStamp> stamps, std::span<const Exit> exits, HostNs first_entry,
                        std::uint64_t bound_ns) {
  StampCheck check;
  std::size_t next = 0;  // the first exit that is not before the stamp
  for (const DatedStamp& stamp : stamps) {
    while (next < exits.size() && exits[next].exit < stamp.at)
      ++next;
    // The guest ran from the entry of the exit before until the exit `next`.
    const HostNs entry = next == 0 ? first_entry : exits[next - 1].entry;
    const bool ends_in_exit = next > 0 && exits[next - 1].open;
    std::uint64_t outside = 0;
    if (stamp.at < entry || ends_in_exit) {
      // In the middle of an exit: as far off as the nearer of its two ends.
      const std::uint64_t to_entry = ends_in_exit ? ~std::uint64_t{0} : entry.value - stamp.at.value;
      const std::uint64_t from_exit =
          next == 0 ? ~std::uint64_t{0} : stamp.at.value - exits[next - 1].exit.value;
      outside = std::min(to_entry, from_exit);
    }
    ++check.checked;
    check.worst_violation_ns = std::max(check.worst_violation_ns, outside);
    if (outside > bound_ns) ++check.outside;
  }
  return check;
}

}  // namespace trapline::tracer
