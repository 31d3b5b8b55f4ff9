// For `trapline doctor`: whether each mode of the probes works here, found by loading and attaching them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tracer/recorder/kernel_support.h"

namespace trapline::cli {

struct ModeVerdict {
  std::string_view name;  // "full", "light"
  Status own;             // with the rights of this process: tried
  Status root;            // as root: tried where this process has its rights, else by what the kernel has
  std::string detail;     // with own: what they cost and what they leave out
};

// "full" and "light", in this order, on every processor: SVM has one set of probes for both.
[[nodiscard]] std::vector<ModeVerdict> judge_modes(const tracer::KernelSupport& kernel);

}  // namespace trapline::cli
