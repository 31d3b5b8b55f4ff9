// An interval of `trapline top --json`: schema trapline.top/1, docs/top.md.
#pragma once

#include <string>

#include "tracer/live/live_sampler.h"
#include "tracer/recording/info.h"

namespace trapline::viewer {

// One line, without its newline.
[[nodiscard]] std::string top_json(const tracer::LiveInterval& interval, recording::TimeKind time);

}  // namespace trapline::viewer
