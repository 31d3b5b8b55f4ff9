// The machine that something was recorded on, as JSON: the same keys in every document's `context`.
#pragma once

#include <nlohmann/json.hpp>

#include "tracer/recording/info.h"

namespace trapline::viewer {

[[nodiscard]] nlohmann::json machine_json(const recording::RecordingInfo& info);

}  // namespace trapline::viewer
