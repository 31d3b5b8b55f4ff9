// In which state a vCPU was at every moment between its first entry and the end.
#pragma once

#include <span>
#include <vector>

#include "tracer/timeline/timeline.h"
#include "tracer/timeline/vcpu_records.h"

namespace trapline::tracer {

// The slices touch, do not overlap, and together last from `begin` to `end` exactly. Stretches in `losses`
// are State::unknown where the guest seems to have run: exits may be missing there.
[[nodiscard]] std::vector<StateSlice> states_of(std::span<const Exit> exits, std::span<const OffCpu> off_cpu,
                                                std::span<const HaltSpan> halts,
                                                std::span<const LossSpan> losses, HostNs begin, HostNs end);

}  // namespace trapline::tracer
