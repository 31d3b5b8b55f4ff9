// SIGINT, SIGTERM and SIGHUP end a run within a poll interval; what was recorded is finished.
#pragma once

#include <atomic>

namespace trapline::cli {

// From here on the signals set it.
[[nodiscard]] std::atomic<bool>& stop_on_signals();

}  // namespace trapline::cli
