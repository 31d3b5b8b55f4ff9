// pv-ring0: the kernel of pv. What the VMM does there for a trap and for the iret, the monitor does in ring 0
// of the VM, without an exit: the shape of Xen, and of PVM's switcher. The VMM is left with devices, timers
// and registration.
#include "vmm/paths/pv_ring0.h"

#include "vmm/paths/paravirtual.h"

namespace trapline::vmm {

namespace {

class PvRing0 final : public ParavirtualPath {
 public:
  [[nodiscard]] Ownership ownership() const override {
    return {.gate = Owner::monitor,
            .stack_switch = Owner::monitor,
            .iret = Owner::monitor,
            .interrupt_flag = Owner::guest_kernel};
  }
  [[nodiscard]] guest_platform platform() const override { return GUEST_PLATFORM_PV; }

  [[nodiscard]] Status write_tables(const GuestMemory& memory, const KernelImage& image,
                                    std::uint32_t vcpus) override {
    return write_ring0_tables(memory, image, vcpus);
  }

  [[nodiscard]] std::vector<std::uint64_t> interrupt_entries(const KernelImage& image,
                                                             std::uint32_t /*vcpu*/) const override {
    return {image.header.monitor_event};
  }

 protected:
  [[nodiscard]] std::uint64_t syscall_entry(const KernelImage& image) const override {
    return image.header.monitor_syscall_bounce;
  }
};

}  // namespace

Status write_ring0_tables(const GuestMemory& memory, const KernelImage& image, std::uint32_t vcpus) {
  const guest_image_header& header = image.header;
  TRAPLINE_TRY(write_monitor_tables(memory, vcpus, {.stubs = header.monitor_bounce_stubs}));
  const std::pair<std::uint8_t, std::uint64_t> own[] = {{GUEST_VECTOR_HYPERCALL, header.monitor_hypercall},
                                                        {GUEST_VECTOR_PV_IRET, header.monitor_iret},
                                                        {GUEST_VECTOR_EVENT, header.monitor_event}};
  for (const auto& [vector, entry] : own) {
    TRAPLINE_TRY(
        set_gate(memory, vector, x86::interrupt_gate(entry, GUEST_KERNEL_CS, gate_privilege(vector))));
  }
  return {};
}

std::unique_ptr<DeliveryPath> make_pv_ring0() {
  return std::make_unique<PvRing0>();
}

}  // namespace trapline::vmm
