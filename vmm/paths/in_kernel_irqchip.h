// Local APICs and IOAPIC in the host's kernel, and the three ways in which a device raises an interrupt
// there: what hvm and hvm-pv share.
#pragma once

#include "base/fd.h"
#include "vmm/paths/delivery_path.h"

namespace trapline::vmm {

class InKernelIrqchip {
 public:
  [[nodiscard]] Status create(const Vm& vm);
  [[nodiscard]] Status raise(const PathSurroundings& surroundings, RaiseKind kind) const;

  // Of a vCPU: it sleeps in a HLT, no interrupt is pending in its local APIC, and its timer is not armed.
  [[nodiscard]] static Result<bool> sleeps_for_good(const Vcpu& vcpu);

 private:
  Fd eventfd_;  // raises GUEST_IRQFD_GSI
};

}  // namespace trapline::vmm
