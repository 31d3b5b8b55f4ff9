// pv: the kernel, at CPL 1, knows that it is a guest. It registered its trap table, stack and callbacks by
// hypercall, returns by hypercall, and masks its interrupts in a page that it shares with the VMM. Every trap
// still goes through the VMM, which enters the registered handler.
#include "vmm/paths/pv.h"

#include "vmm/paths/paravirtual.h"

namespace trapline::vmm {

namespace {

class Pv final : public ParavirtualPath {
 public:
  [[nodiscard]] Ownership ownership() const override {
    return {.gate = Owner::vmm,
            .stack_switch = Owner::vmm,
            .iret = Owner::vmm,
            .interrupt_flag = Owner::guest_kernel};
  }
  [[nodiscard]] guest_platform platform() const override { return GUEST_PLATFORM_PV; }

  [[nodiscard]] Status write_tables(const GuestMemory& memory, const KernelImage& image,
                                    std::uint32_t vcpus) override {
    return write_monitor_tables(memory, vcpus, {.stubs = image.header.monitor_exit_stubs});
  }

  [[nodiscard]] std::vector<std::uint64_t> interrupt_entries(const KernelImage& image,
                                                             std::uint32_t /*vcpu*/) const override {
    return {image.header.monitor_exit_stubs + std::uint64_t{GUEST_VECTOR_EVENT} * GUEST_STUB_BYTES};
  }

 protected:
  [[nodiscard]] std::uint64_t syscall_entry(const KernelImage& image) const override {
    return image.header.monitor_syscall_exit;
  }
};

}  // namespace

std::unique_ptr<DeliveryPath> make_pv() {
  return std::make_unique<Pv>();
}

}  // namespace trapline::vmm
