// Guest TSC -> host TSC for one vCPU, through every change of its offset.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.h"
#include "tracer/clock/host_clock.h"

namespace trapline::tracer {

// guest_tsc = host_tsc + offset (no TSC scaling). The offset may change while the guest runs: the guest
// writes its TSC, or KVM synchronises it. A guest value alone does not tell which offset was in force; that
// its date falls into the offset's own time does.
class GuestClock {
 public:
  explicit GuestClock(std::int64_t initial_offset) : epochs_{{HostNs{0}, initial_offset}} {}

  // From `since` on (monotonic, later than all earlier changes) the offset is `offset`.
  void offset_changed(HostNs since, std::int64_t offset) { epochs_.push_back({since, offset}); }

  // Dates a stamp that was taken at or after `not_before` (the stamp before it, 0 for the first): by the
  // first epoch into which its date then falls, all within the host clock's error. So a change backwards
  // shows when the guest's values fall, and a stamp that either side could have made is taken for the
  // earlier: if it was the first one after the change, and came sooner than the change was large, it is dated
  // early by the change. One that fits nowhere after `not_before` (an ISR's can be a little older than the
  // one it follows) is dated by the epoch that it fits.
  [[nodiscard]] HostNs to_ns(GuestTsc tsc, const HostClock& host, HostNs not_before) const;

  [[nodiscard]] std::size_t offset_changes() const { return epochs_.size() - 1; }

 private:
  struct Epoch {
    HostNs since;
    std::int64_t offset;
  };
  std::vector<Epoch> epochs_;
};

}  // namespace trapline::tracer
