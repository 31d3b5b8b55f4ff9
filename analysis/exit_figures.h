// What exits of one kind, or of one group, cost: the figures that every table of exits is made of.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/distribution.h"
#include "base/time.h"
#include "tracer/timeline/timeline.h"

namespace trapline::analysis {

// Nanoseconds from `from` to `to`; 0 if `to` comes before.
[[nodiscard]] constexpr std::uint64_t clamped(HostNs from, HostNs to) {
  return to < from ? 0 : to.value - from.value;
}

// What of it KVM and VMM handled: all but a halt's wait for an interrupt and for a CPU after it. 0 for one
// that is open.
[[nodiscard]] std::uint64_t handling_ns(const tracer::Exit& exit);

struct ExitFigures {
  Distribution duration;     // exit to entry: the time that `perf kvm stat` tells of
  std::uint64_t kvm_ns = 0;  // of the total: in KVM
  std::uint64_t vmm_ns = 0;  // of the total: in user space
  std::uint64_t open = 0;    // further exits with no entry after them: not in `duration`
  // In a halt the guest waits for an interrupt: nobody handles anything then.
  std::uint64_t halts = 0;  // exits that gave up the CPU
  std::uint64_t halt_poll_ns = 0;
  std::uint64_t halted_ns = 0;
  std::uint64_t wake_delay_ns = 0;            // woken, and waiting for a CPU
  std::optional<Distribution> without_waits;  // durations less the waits; none: nothing ever waited

  void add(const tracer::Exit& exit);
  [[nodiscard]] std::uint64_t count() const { return duration.count() + open; }
  // What KVM and VMM did: the durations without the waits.
  [[nodiscard]] const Distribution& handling() const { return without_waits ? *without_waits : duration; }
};

// What rows of exits can be sorted by; all but `name` put the largest first.
enum class SortColumn : std::uint8_t { time, samples, min, avg, p50, p90, p99, max, stddev, kvm, vmm, name };
[[nodiscard]] std::span<const std::string_view> sort_column_names();
[[nodiscard]] std::optional<SortColumn> sort_column_of(std::string_view name);
// Of `name` 0: rows of equal figures keep their order, which is that of their names.
[[nodiscard]] double sort_figure(const ExitFigures& figures, SortColumn column);

}  // namespace trapline::analysis
