// What the VMM did step by step, put into the exits that it did it for.
#pragma once

#include <span>
#include <vector>

#include "tracer/timeline/timeline.h"

namespace trapline::tracer {

// Each step goes with the exit in which it began. It ends up within its exit's stay in the VMM, or, where
// that was not recorded, within the exit: converted times may stick out by the clock's error. Steps of
// which the exit was lost keep their times, but for what would reach into an exit that is known. Both are
// sorted by time. Marks the exits in which a step halted the vCPU.
[[nodiscard]] std::vector<VmmStep> place_steps(std::span<const VmmStep> dated, std::span<Exit> exits);

}  // namespace trapline::tracer
