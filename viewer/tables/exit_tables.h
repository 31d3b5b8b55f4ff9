// What exits cost, as text: by reason, by what was asked for, by guest code, and the waits among them.
#pragma once

#include <string>

#include "viewer/report_view.h"

namespace trapline::viewer {

// Each is empty where there is nothing to tell; otherwise it begins with an empty line.
[[nodiscard]] std::string exit_tables(const analysis::Summary& summary, const ReportView& view);
[[nodiscard]] std::string group_table(const analysis::Summary& summary, const ReportView& view);
[[nodiscard]] std::string guest_code_table(const analysis::Summary& summary, const ReportView& view);
[[nodiscard]] std::string halt_tables(const analysis::Summary& summary);

}  // namespace trapline::viewer
