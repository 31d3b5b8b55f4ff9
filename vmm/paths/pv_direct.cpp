// pv-direct: as pv-ring0, but some gates lead hardware straight into the kernel at CPL 1, which returns by a
// real IRETQ: the shape of lguest. That is sound for traps whose handler needs nothing that only ring 0 can
// read (#PF needs CR2). Upcalls come through the monitor, as lguest's interrupts came through its host. The
// gates leave IF alone, because an IRETQ at CPL 1 could not set it again.
#include "vmm/paths/pv_direct.h"

#include "vmm/paths/paravirtual.h"
#include "vmm/paths/pv_ring0.h"

namespace trapline::vmm {

namespace {

constexpr std::uint8_t kDivideError = 0;

class PvDirect final : public ParavirtualPath {
 public:
  [[nodiscard]] Ownership ownership() const override {
    return {.gate = Owner::guest_kernel,
            .stack_switch = Owner::hardware,
            .iret = Owner::guest_kernel,
            .interrupt_flag = Owner::guest_kernel};
  }
  [[nodiscard]] guest_platform platform() const override { return GUEST_PLATFORM_PV_DIRECT; }

  [[nodiscard]] Status write_tables(const GuestMemory& memory, const KernelImage& image,
                                    std::uint32_t vcpus) override {
    TRAPLINE_TRY(write_ring0_tables(memory, image, vcpus));
    for (const std::uint8_t vector : {kDivideError, std::uint8_t{GUEST_VECTOR_INT80}}) {
      const std::uint64_t handler = image.header.direct_stubs + vector * image.header.isr_stub_bytes;
      TRAPLINE_TRY(
          set_gate(memory, vector, x86::trap_gate(handler, GUEST_DEPRIVILEGED_CS, gate_privilege(vector))));
    }
    return {};
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

std::unique_ptr<DeliveryPath> make_pv_direct() {
  return std::make_unique<PvDirect>();
}

}  // namespace trapline::vmm
