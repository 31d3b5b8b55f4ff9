// What a recording's nanoseconds are worth, said wherever they are shown.
#pragma once

#include <string_view>

#include "tracer/recording/info.h"

namespace trapline::viewer {

// A line with its newline; empty where nanoseconds are what they seem.
[[nodiscard]] std::string_view time_note(recording::TimeKind kind);

}  // namespace trapline::viewer
