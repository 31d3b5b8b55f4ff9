// Records with the host's time on them, before anything is made of them.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "vmm/guest/abi.h"

namespace trapline::tracer {

struct DatedStamp {
  HostNs at;
  guest_stamp stamp;
};

// The VMM's account of one stay in user space.
struct DatedStay {
  HostNs left;     // KVM_RUN had returned
  HostNs entered;  // KVM_RUN was called again
};

// The VMM's mark of a device that raises an interrupt.
struct DatedRaise {
  HostNs at;
  std::uint32_t tid = 0;
  std::uint16_t kind = 0;  // vmm::RaiseKind
  std::uint32_t gsi_or_vector = 0;
};

inline constexpr HostNs kNever{~std::uint64_t{0}};

// The vCPU's thread was off the CPU.
struct OffCpu {
  HostNs out;
  HostNs in = kNever;
  std::uint64_t task_state = 0;  // 0: it was preempted, it could run on
  HostNs woken = kNever;         // sched_waking of a thread that slept
};

// A halt in KVM as KVM tells of it when it is over (kvm_vcpu_wakeup).
struct HaltSpan {
  HostNs begin;
  HostNs end;
};

// A stretch in which exit cycles of some vCPU were lost.
struct LossSpan {
  HostNs begin;
  HostNs end;
};

}  // namespace trapline::tracer
