#include "viewer/tables/top_state.h"

#include <algorithm>

namespace trapline::viewer {
namespace {

constexpr char kEscape = '\x1b';

std::uint32_t longer(std::uint32_t interval_ms) {
  const auto next = std::ranges::upper_bound(kTopIntervals_ms, interval_ms);
  return next == kTopIntervals_ms.end() ? interval_ms : *next;
}

std::uint32_t shorter(std::uint32_t interval_ms) {
  const auto next = std::ranges::lower_bound(kTopIntervals_ms, interval_ms);
  return next == kTopIntervals_ms.begin() ? interval_ms : *(next - 1);
}

}  // namespace

TopState pressed(TopState state, char key) {
  for (const tracer::LiveViewRow& row : tracer::kLiveViews) {
    if (row.key != key) continue;
    state.view = row.view;
    state.help = false;
    return state;
  }
  switch (key) {
    case 's':
      state.sort = static_cast<TopSort>((static_cast<std::size_t>(state.sort) + 1) % kTopSorts.size());
      break;
    case ' ':
      state.paused = !state.paused;
      break;
    case '+':
      state.interval_ms = longer(state.interval_ms);
      break;
    case '-':
      state.interval_ms = shorter(state.interval_ms);
      break;
    case 'h':
    case '?':
      state.help = !state.help;
      break;
    case kEscape:
      state.help = false;
      break;
    case 'q':
      state.quit = true;
      break;
    default:
      break;
  }
  return state;
}

}  // namespace trapline::viewer
