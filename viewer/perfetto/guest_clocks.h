// What a guest's own clock showed at moments of the host's: so that stamps of a guest's own tracer can be
// laid beside the host's.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.h"
#include "tracer/recording/info.h"
#include "tracer/recording/session.h"

namespace trapline::viewer {

struct GuestClockReading {
  std::uint16_t vcpu = 0;
  std::uint64_t guest_ns = 0;  // the vCPU's TSC since its reset, in nanoseconds
};

struct ClockReading {
  HostNs at;
  std::vector<GuestClockReading> guests;
};

// At most one reading a second. Guest TSC = host TSC + the vCPU's offset as it was when the vCPU started;
// vCPUs of whose TSC the frequency is not known are left out. Each clock only ever goes on.
[[nodiscard]] std::vector<ClockReading> guest_clock_readings(
    const recording::RecordingInfo& info, const std::vector<recording::VcpuStarted>& vcpus,
    const std::vector<recording::ClockSample>& samples);

}  // namespace trapline::viewer
