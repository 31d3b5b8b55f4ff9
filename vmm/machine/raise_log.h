// The interrupts that the VMM's devices have raised, on their way to the observer.
#pragma once

#include <unistd.h>

#include <mutex>
#include <span>

#include "vmm/machine/spsc_ring.h"
#include "vmm/machine/tsc.h"
#include "vmm/observer.h"

namespace trapline::vmm {

class RaiseLog {
 public:
  // On the raising thread, of which there may be several; `at`: just before it was raised.
  void add(RaiseKind kind, std::uint32_t gsi_or_vector, HostTsc at) {
    InterruptRaised raised;
    raised.tsc = at;
    raised.tid = ::gettid();
    raised.kind = kind;
    raised.gsi_or_vector = gsi_or_vector;
    const std::lock_guard lock(mutex_);
    ring_.push(raised);
  }

  // On one other thread: what was raised since the last call, and how many did not fit.
  std::span<const InterruptRaised> take(std::span<InterruptRaised> target) { return ring_.pop(target); }
  std::uint64_t take_lost() { return ring_.take_lost(); }

 private:
  static constexpr std::size_t kCapacity = 16384;
  std::mutex mutex_;  // between the raising threads
  SpscRing<InterruptRaised> ring_{kCapacity};
};

}  // namespace trapline::vmm
