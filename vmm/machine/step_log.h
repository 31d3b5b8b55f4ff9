// What a path does in the VMM, step after step, on its way to the observer. One per vCPU; written by its
// thread.
#pragma once

#include <cstdint>

#include "vmm/machine/spsc_ring.h"
#include "vmm/machine/tsc.h"
#include "vmm/steps.h"

namespace trapline::vmm {

class StepLog {
 public:
  // Before the first step after an exit.
  void begin() {
    if (wanted_) since_ = read_host_tsc();
  }
  // What was done since begin() or the last done() was this step.
  void done(VmmStep step, std::uint64_t vector, std::uint64_t arg = 0, std::uint16_t count_kind = 0) {
    if (!wanted_) return;
    StepDone entry;
    entry.begin = since_;
    entry.end = since_ = read_host_tsc();
    entry.arg = arg;
    entry.step = step;
    entry.vector = static_cast<std::uint16_t>(vector);
    entry.count_kind = count_kind;
    ring_.push(entry);
  }

  // Before the vCPU runs; steps cost nothing where nobody wants them.
  void set_wanted(bool wanted) { wanted_ = wanted; }
  // On one other thread.
  SpscRing<StepDone>& ring() { return ring_; }

 private:
  static constexpr std::size_t kCapacity = 65536;
  SpscRing<StepDone> ring_{kCapacity};
  HostTsc since_;
  bool wanted_ = true;
};

}  // namespace trapline::vmm
