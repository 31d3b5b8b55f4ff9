// The machine that something was recorded on, as JSON: the same keys in every document's `context`.
#pragma once

#include <nlohmann/json.hpp>

#include "tracer/recording/info.h"
#include "tracer/timeline/vms.h"

namespace trapline::viewer {

[[nodiscard]] nlohmann::json machine_json(const recording::RecordingInfo& info);
// The VMs that rows name by number: [{"vm", "pid", "name", "named_by"}].
[[nodiscard]] nlohmann::json vms_json(const tracer::RecordedVms& machines);

}  // namespace trapline::viewer
