// What makes a cell dearer or cheaper than the base path, as one sentence made from its figures.
#pragma once

#include <string>
#include <string_view>

#include "analysis/compare.h"

namespace trapline::viewer {

// "emulate: 6.21k more than hvm; most of it in KVM during delivery: 3.1k (50 %)". `kind` chooses the unit,
// `base` is what it is compared with.
[[nodiscard]] std::string difference_sentence(const analysis::Cell& cell,
                                              const analysis::Difference& difference,
                                              recording::TimeKind kind,
                                              std::string_view base = analysis::kBasePath);

// Three significant digits and a unit, as short as can be: "6.21us"; counted: "6.21k".
[[nodiscard]] std::string brief_time(double ns, recording::TimeKind kind);

}  // namespace trapline::viewer
