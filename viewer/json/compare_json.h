// A comparison of delivery paths as JSON: schema trapline.compare/1, docs/compare.md.
#pragma once

#include <nlohmann/json.hpp>

#include "analysis/compare.h"

namespace trapline::viewer {

[[nodiscard]] nlohmann::json compare_json(const analysis::Comparison& comparison);

}  // namespace trapline::viewer
