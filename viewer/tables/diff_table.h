// Two recordings beside each other, for the terminal.
#pragma once

#include <string>
#include <vector>

#include "analysis/diff.h"
#include "analysis/fail_on.h"

namespace trapline::viewer {

// `names`: of the diff's rows, as diff_row_names() has them.
[[nodiscard]] std::string diff_text(const analysis::Diff& diff, const std::vector<std::string>& names,
                                    const std::vector<analysis::ConditionOutcome>& outcomes);

}  // namespace trapline::viewer
