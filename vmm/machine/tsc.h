// The host's time-stamp counter.
#pragma once

#include <x86intrin.h>

#include "base/time.h"

namespace trapline::vmm {

// Not ordered against the loads before it: a fence would cost more than the few cycles it gains beside an
// exit.
[[nodiscard]] inline HostTsc read_host_tsc() {
  return HostTsc{__rdtsc()};
}

}  // namespace trapline::vmm
