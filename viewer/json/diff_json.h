// A diff as a JSON document: schema trapline.diff/1, described in docs/diff.md.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "analysis/diff.h"
#include "analysis/fail_on.h"

namespace trapline::viewer {

// `names`: of the diff's rows, as diff_row_names() has them.
[[nodiscard]] nlohmann::json diff_json(const analysis::Diff& diff, const std::vector<std::string>& names,
                                       const std::vector<analysis::ConditionOutcome>& outcomes);

}  // namespace trapline::viewer
