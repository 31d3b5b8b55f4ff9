// Events in one piece of bytes, as a fuzzer wants them: always a valid recording, of events that need not
// make sense.
//
// Packed format: events one after the other until the bytes end. An event is
//   1 byte   kind: index into PackedKind (modulo their number)
//   1 byte   vCPU: 0 to 2, from 0xf0 on TRL_NO_VCPU; its lowest bit is the host CPU, too
//   1 byte   how much later than the event before: n < 0x80: n * 8 ns; otherwise (n - 0x80) * 100 us
// and then the fields of its kind, in the order of unpack_events. A time in them is 2 bytes, signed: so much
// before (+) or after (-) the event, in ns; 0x8000: 8 bytes follow, the time itself. Ticks are times, 3 to
// the ns. A clock sample before and one after all of them, and the starts of vCPUs 0 and 1, come by
// themselves: without them nothing can be dated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tests/fuzz/packed_recording.h"

namespace trapline::fuzz {

enum class PackedKind : std::uint8_t {
  exit_cycle,
  cycle_open,
  kvm_event,
  guest_stamp,
  exit_handled,
  interrupt_raised,
  vmm_step,
  clock_sample,
  vcpu_started,
  loss,  // of the exits' stream
};
inline constexpr std::uint8_t kPackedKinds = 10;

inline constexpr std::uint64_t kPackedBeginNs = 1'000'000;
inline constexpr std::uint64_t kPackedTicksPerNs = 3;

[[nodiscard]] Files unpack_events(std::span<const std::byte> packed);

}  // namespace trapline::fuzz
