// The report as text for the terminal.
#pragma once

#include <string>

#include "viewer/report_view.h"

namespace trapline::viewer {

// Where exits were grouped (--by): their table, and those of interrupts where vectors were asked for.
[[nodiscard]] std::string report_text(const analysis::Summary& summary, const ReportView& view = {});

}  // namespace trapline::viewer
