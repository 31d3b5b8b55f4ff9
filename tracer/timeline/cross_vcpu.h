// Events that one vCPU causes and another handles.
#pragma once

#include <span>

#include "tracer/timeline/timeline.h"

namespace trapline::tracer {

// Completes the events of the workload ipi, of which the sender stamps U0 and U3 only. K1 and K2 are those of
// the first ISR of the main vector that another vCPU entered between the two; the main vector is the one that
// most of these events saw. Exits of the other vCPUs that began between U0 and U3 count, too: waking the
// target is part of what the event costs.
void link_cross_vcpu_events(std::span<VcpuTimeline> vcpus);

}  // namespace trapline::tracer
