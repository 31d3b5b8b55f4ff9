// What keys do to `trapline top`: a state machine without a terminal.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "tracer/live/live_lines.h"

namespace trapline::viewer {

enum class TopSort : std::uint8_t { time, rate, p99, max, name };
inline constexpr std::array<std::string_view, 5> kTopSorts = {"time", "rate", "p99", "max",
                                                              "name"};  // by TopSort

// Between two readings: what + and - choose from.
inline constexpr std::array<std::uint32_t, 8> kTopIntervals_ms = {100,  200,  500,    1000,
                                                                  2000, 5000, 10'000, 60'000};

struct TopState {
  tracer::LiveView view = tracer::LiveView::reason;
  TopSort sort = TopSort::time;
  std::uint32_t interval_ms = 1000;
  bool paused = false;  // the screen keeps what it shows; counting goes on
  bool help = false;
  bool quit = false;

  bool operator==(const TopState&) const = default;
};

// A key, as the terminal sends it. Those that mean nothing change nothing.
[[nodiscard]] TopState pressed(TopState state, char key);

}  // namespace trapline::viewer
