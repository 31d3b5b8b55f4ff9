// What the traced VM is called above its lanes.
#pragma once

#include <string>

#include "tracer/recording/info.h"

namespace trapline::viewer {

// "VM hvm", "VM pv (emulated time)": times that are not real say so where they are looked at.
[[nodiscard]] std::string vm_name(const recording::RecordingInfo& info);

}  // namespace trapline::viewer
