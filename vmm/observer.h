// What the VMM tells whoever watches it. The VMM knows nothing of recordings: the command line plugs one in.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string>

#include "base/time.h"
#include "vmm/guest/abi.h"
#include "vmm/steps.h"

namespace trapline::vmm {

struct VcpuStart {
  std::uint16_t vcpu = 0;
  pid_t tid = 0;                // the thread that calls KVM_RUN
  std::int64_t tsc_offset = 0;  // guest TSC = host TSC + offset (KVM_VCPU_TSC_OFFSET), before the first entry
  std::uint32_t guest_tsc_khz = 0;
};

// One stay of a vCPU thread in the VMM: from KVM_RUN's return to the next call of it, or, for the last one of
// a run, to the end of its handling.
struct ExitHandled {
  HostTsc left;     // KVM_RUN has returned
  HostTsc entered;  // KVM_RUN is about to be called again
};

enum class RaiseKind : std::uint16_t { line = 1, msi = 2, irqfd = 3, timer = 4, event_channel = 5, ipi = 6 };

// A device, or a vCPU by an IPI that the VMM carries out, raised an interrupt towards the guest.
struct InterruptRaised {
  HostTsc tsc;    // just before the ioctl
  pid_t tid = 0;  // the device's thread, or the sending vCPU's
  RaiseKind kind = RaiseKind::line;
  std::uint32_t gsi_or_vector = 0;  // line: GSI; msi, irqfd, timer, ipi: vector; event_channel: its number
};

// All calls come from the one thread that called Machine::run, while it runs. An observer overrides what it
// wants to know; a plain Observer listens to nothing.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void vcpu_started(const VcpuStart& /*start*/) {}
  // Stamps in the order of their sequence numbers; `lost` more, before these, were overwritten before they
  // could be read.
  virtual void stamps(std::uint16_t /*vcpu*/, std::span<const guest_stamp> /*stamps*/,
                      std::uint64_t /*lost*/) {}
  virtual void exits_handled(std::uint16_t /*vcpu*/, std::span<const ExitHandled> /*exits*/,
                             std::uint64_t /*lost*/) {}
  // In the order in which they were done; `lost` more, before these, found no room.
  virtual void steps_done(std::uint16_t /*vcpu*/, std::span<const StepDone> /*steps*/,
                          std::uint64_t /*lost*/) {}
  virtual void interrupts_raised(std::span<const InterruptRaised> /*raised*/, std::uint64_t /*lost*/) {}
  // Called at least every poll interval, also when there was nothing else to tell.
  virtual void tick() {}
};

}  // namespace trapline::vmm
