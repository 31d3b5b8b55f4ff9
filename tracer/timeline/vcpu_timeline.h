// From one vCPU's records to its timeline.
#pragma once

#include <span>

#include "tracer/timeline/timeline.h"
#include "tracer/timeline/vcpu_records.h"

namespace trapline::tracer {

[[nodiscard]] VcpuTimeline build_vcpu_timeline(const VcpuRecords& records, std::span<const LossSpan> losses,
                                               std::uint64_t clock_bound_ns, HostNs recording_end);

}  // namespace trapline::tracer
