// The screen of `trapline top`.
#pragma once

#include <string>
#include <vector>

#include "tracer/live/live_lines.h"
#include "tracer/recording/info.h"
#include "viewer/tables/top_state.h"

namespace trapline::viewer {

struct ScreenSize {
  unsigned width = 80;
  unsigned height = 24;
};

// Lines in the order that was asked for; times of halts come last, they are no work.
[[nodiscard]] std::vector<tracer::LiveLine> sorted_lines(const tracer::LiveInterval& interval,
                                                         tracer::LiveView view, TopSort sort);

// Never wider or higher than asked; lines are joined by newlines, the last has none. Bytes that are not
// printable ASCII are dots. `interval` null: there was no reading yet.
[[nodiscard]] std::string top_screen(const tracer::LiveInterval* interval, const TopState& state,
                                     recording::TimeKind time, const ScreenSize& size);

// The same without keys and without limits: for a file or a pipe. Ends with a newline.
[[nodiscard]] std::string top_block(const tracer::LiveInterval& interval, const TopState& state,
                                    recording::TimeKind time);

}  // namespace trapline::viewer
