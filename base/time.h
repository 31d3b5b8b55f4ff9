// The three time lines of a traced machine, as types that do not mix by accident.
// Conversions between them live in tracer/clock and carry an error bound.
#pragma once

#include <compare>
#include <cstdint>

namespace trapline {

// Nanoseconds of the host's CLOCK_MONOTONIC (what bpf_ktime_get_ns returns).
struct HostNs {
  std::uint64_t value = 0;
  auto operator<=>(const HostNs&) const = default;
};

// Ticks of the host's time-stamp counter (RDTSC outside a guest).
struct HostTsc {
  std::uint64_t value = 0;
  auto operator<=>(const HostTsc&) const = default;
};

// Ticks of one vCPU's time-stamp counter (RDTSC inside the guest): host_tsc * ratio + offset.
struct GuestTsc {
  std::uint64_t value = 0;
  auto operator<=>(const GuestTsc&) const = default;
};

// Signed distance in nanoseconds from `from` to `to`.
[[nodiscard]] constexpr std::int64_t ns_between(HostNs from, HostNs to) {
  return static_cast<std::int64_t>(to.value - from.value);
}

}  // namespace trapline
