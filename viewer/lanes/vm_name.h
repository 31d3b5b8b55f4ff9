// What the traced VM is called above its lanes.
#pragma once

#include <string>

#include "tracer/recording/info.h"
#include "tracer/timeline/vms.h"

namespace trapline::viewer {

// "VM hvm", "VM debian-12", "VM pv (emulated time)": times that are not real say so where they are looked at.
// One of several that has no name goes by its number.
[[nodiscard]] std::string vm_name(const recording::RecordingInfo& info, const tracer::RecordedVms& machines,
                                  std::uint16_t vm);

}  // namespace trapline::viewer
