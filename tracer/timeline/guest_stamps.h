// From the guest's stamps to its ISRs and workload events.
#pragma once

#include <span>
#include <vector>

#include "tracer/timeline/timeline.h"
#include "tracer/timeline/vcpu_records.h"

namespace trapline::tracer {

// K1 opens an ISR, the next K2 of its vector closes it; a K1 between the two is an ISR nested in it.
[[nodiscard]] std::vector<Isr> isrs_from_stamps(std::span<const DatedStamp> stamps);

// U0 opens an event, U3 closes it. K1 and K2 are those of the workload's own vector: the one that most of its
// events saw, because a foreign interrupt may come in between at any time.
[[nodiscard]] std::vector<WorkloadEvent> events_from_stamps(std::span<const DatedStamp> stamps);

// Counts into each event the exits that lie within it. Both are sorted by time.
void count_exits(std::span<WorkloadEvent> events, std::span<const Exit> exits);

// Links each injection to the ISR that it brought: the first of its vector to enter at or after it (within
// `slack_ns`, the clock's error) that no other injection brought. A re-injection takes over from the
// injection whose delivery failed.
void link_injections(std::vector<Injection>& injections, std::vector<Isr>& isrs, std::uint64_t slack_ns);

// Whether each stamp lies in the guest: between an entry and the exit after it.
[[nodiscard]] StampCheck check_stamps(std::span<const DatedStamp> stamps, std::span<const Exit> exits,
                                      HostNs first_entry, std::uint64_t bound_ns);

}  // namespace trapline::tracer
