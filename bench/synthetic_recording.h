// A recording of any length that no machine had to make: always the same bytes but for its UUID.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"

namespace trapline::bench {

struct SyntheticCounts {
  std::uint64_t exits = 0;
  std::uint64_t events = 0;  // records of all streams but the session, exits included
  std::uint64_t bytes = 0;
};

// Records `exits` VM exits of a guest that never was: two vCPUs on two host CPUs, an exit about every 4 us on
// each. Of them about 30 % are MSR writes, 20 % host interrupts, 20 % port accesses that the VMM handles, 10
// % each CPUID, halts and nested faults. Every fifth entry injects an interrupt, with the accept_irq and the
// eoi that belong to it and the guest's stamps K1, EOI and K2; a halt has its sched_out, waking, sched_in and
// wakeup; an exit to user space the VMM's own account. The two clocks run evenly, sampled every 100 ms.
[[nodiscard]] Result<SyntheticCounts> write_synthetic_recording(const std::filesystem::path& folder,
                                                                std::uint64_t exits);

}  // namespace trapline::bench
