// The report as a JSON document: schema trapline.report/1, described in docs/report.md.
#pragma once

#include <nlohmann/json.hpp>

#include "viewer/report_view.h"

namespace trapline::viewer {

[[nodiscard]] nlohmann::json report_json(const analysis::Summary& summary, const ReportView& view = {});

}  // namespace trapline::viewer
