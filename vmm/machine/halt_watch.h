// Finds out that the guest sleeps for good: every vCPU has halted, and nothing is pending or armed that could
// wake one. The guest cannot bound such a wait, because it does not run.
#pragma once

#include <chrono>
#include <span>

#include "vmm/machine/vcpu_thread.h"

namespace trapline::vmm {

class HaltWatch {
 public:
  // Asks the vCPUs, which takes those out of KVM_RUN that are in it, only after so many polls during which
  // none of their threads has used the processor.
  explicit HaltWatch(unsigned patience) : patience_(patience) {}

  // At each poll. `device_armed`: a device will raise an interrupt. True: the guest sleeps for good.
  [[nodiscard]] bool poll(std::span<VcpuThread* const> vcpus, bool device_armed);

 private:
  // What all vCPUs say twice, one asking after the other, holds: an IPI that one sent between the answers of
  // two others has arrived by the second.
  static constexpr unsigned kAskings = 2;

  void ask(std::span<VcpuThread* const> vcpus);

  unsigned patience_;
  unsigned quiet_polls_ = 0;
  unsigned askings_ = 0;  // under way or answered with yes; 0: the vCPUs are not asked
  std::chrono::nanoseconds used_{0};
};

}  // namespace trapline::vmm
