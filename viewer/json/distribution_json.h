// A distribution as JSON: the same keys in every document.
#pragma once

#include <nlohmann/json.hpp>

#include "base/distribution.h"

namespace trapline::viewer {

[[nodiscard]] nlohmann::json distribution_json(const Distribution& of);

}  // namespace trapline::viewer
