#include "vmm/machine/halt_watch.h"

#include <algorithm>

namespace trapline::vmm {

void HaltWatch::ask(std::span<VcpuThread* const> vcpus) {
  ++askings_;
  for (VcpuThread* vcpu : vcpus)
    vcpu->ask_asleep();
}

bool HaltWatch::poll(std::span<VcpuThread* const> vcpus, bool device_armed) {
  if (askings_ == 0) {
    std::chrono::nanoseconds used{0};
    for (VcpuThread* vcpu : vcpus)
      used += vcpu->processor_time();
    quiet_polls_ = used == used_ ? quiet_polls_ + 1 : 0;
    used_ = used;
    if (quiet_polls_ >= patience_) ask(vcpus);
    return false;
  }
  bool all_asleep = !device_armed;
  for (VcpuThread* vcpu : vcpus) {
    const auto asleep = vcpu->asleep();
    if (!asleep) {
      vcpu->kick();  // the last kick met it between two stays in the guest
      return false;
    }
    all_asleep = all_asleep && *asleep;
  }
  if (all_asleep && askings_ == kAskings) return true;
  if (all_asleep) {
    ask(vcpus);
  } else {
    askings_ = 0;
    quiet_polls_ = 0;
  }
  return false;
}

}  // namespace trapline::vmm
