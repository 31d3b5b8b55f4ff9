// A comparison of delivery paths for the terminal: at most 120 columns wide.
#pragma once

#include <string>

#include "analysis/compare.h"

namespace trapline::viewer {

[[nodiscard]] std::string compare_text(const analysis::Comparison& comparison);

}  // namespace trapline::viewer
