// The report as text for the terminal.
#pragma once

#include <string>

#include "analysis/summary.h"

namespace trapline::viewer {

[[nodiscard]] std::string report_text(const analysis::Summary& summary);

}  // namespace trapline::viewer
