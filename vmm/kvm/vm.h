// A virtual machine: memory, interrupt controllers, vCPUs.
#pragma once

#include <linux/kvm.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/fd.h"
#include "base/result.h"
#include "vmm/kvm/vcpu.h"

namespace trapline::vmm {

class Vm {
 public:
  // Three pages below 4 GiB that KVM itself needs where VMX cannot run real mode (api.rst, 4.20).
  [[nodiscard]] Status set_tss_address(std::uint32_t gpa) const;
  // Local APICs, IOAPIC and PIC in the kernel. Before the first vCPU.
  [[nodiscard]] Status create_irqchip() const;
  // `memory` must outlive the Vm.
  [[nodiscard]] Status set_memory_region(std::uint32_t slot, std::uint64_t gpa,
                                         std::span<std::byte> memory) const;
  // The next two may be called from any thread while vCPUs run.
  [[nodiscard]] Status irq_line(std::uint32_t gsi, bool high) const;
  [[nodiscard]] Status signal_msi(std::uint64_t address, std::uint32_t data) const;
  // Where interrupts go that are raised by number: replaces all routes.
  [[nodiscard]] Status set_gsi_routing(std::span<const kvm_irq_routing_entry> routes) const;
  // A write to the eventfd raises the GSI, in the kernel. Only with interrupt controllers in the kernel.
  [[nodiscard]] Status attach_irqfd(const Fd& eventfd, std::uint32_t gsi) const;
  // Accesses of MSRs that KVM has no use for exit to user space instead of being a #GP (api.rst, 7.21).
  [[nodiscard]] Status exit_on_unknown_msrs() const;
  [[nodiscard]] Result<Vcpu> create_vcpu(std::uint32_t id) const;

 private:
  friend class Kvm;
  Vm(Fd fd, std::size_t vcpu_mapping_bytes) : fd_(std::move(fd)), vcpu_mapping_bytes_(vcpu_mapping_bytes) {}

  Fd fd_;
  std::size_t vcpu_mapping_bytes_;
};

}  // namespace trapline::vmm
