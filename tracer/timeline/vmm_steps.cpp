#include "tracer/timeline/vmm_steps.h"

#include <algorithm>

#include "vmm/guest/abi.h"

namespace trapline::tracer {
namespace {

constexpr HostNs kNever{~std::uint64_t{0}};

struct Window {
  HostNs begin;
  HostNs end;
};

Window window_in(const Exit& exit, const VmmStep& step) {
  const Window whole{exit.exit, exit.open ? kNever : exit.entry};
  if (!exit.vmm_begin || !exit.vmm_end) return whole;
  // KVM_RUN can come back twice in one exit, and the last stay is the one that is known.
  if (step.end <= *exit.vmm_begin) return {exit.exit, *exit.vmm_begin};
  return {*exit.vmm_begin, *exit.vmm_end};
}

}  // namespace

std::vector<VmmStep> place_steps(std::span<const VmmStep> dated, std::span<Exit> exits) {
  std::vector<VmmStep> steps(dated.begin(), dated.end());
  std::size_t next = 0;  // the first exit that is after the step's begin
  for (VmmStep& step : steps) {
    while (next < exits.size() && exits[next].exit <= step.begin)
      ++next;
    Window window{HostNs{}, next < exits.size() ? exits[next].exit : kNever};
    if (next != 0) {
      Exit& exit = exits[next - 1];
      if (exit.open || step.begin < exit.entry) {
        window = window_in(exit, step);
        if (step.count_kind == GUEST_COUNT_HLT) exit.halts = true;
      } else {
        window.begin = exit.entry;
      }
    }
    step.begin = std::clamp(step.begin, window.begin, window.end);
    step.end = std::clamp(step.end, step.begin, window.end);
  }
  return steps;
}

}  // namespace trapline::tracer
