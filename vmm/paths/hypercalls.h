// The hypercalls of the paravirtual paths, as a table over plain data: docs/paths.md has the ABI. Needs no
// KVM: what a call does outside of the kernel's registration is asked of HypercallServices.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "vmm/guest/abi.h"
#include "vmm/x86/guest_access.h"

namespace trapline::vmm {

// What a kernel has told about itself: instead of an IDT and a TSS.
struct PvRegistration {
  std::array<std::uint64_t, GUEST_MONITOR_TRAPS> traps{};  // handlers by vector; 0: none
  std::uint64_t kernel_rsp = 0;                            // the stack of handlers of traps from user mode
};

struct HypercallArguments {
  std::uint64_t number = 0;
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  std::uint64_t third = 0;
};

class HypercallServices {
 public:
  virtual ~HypercallServices() = default;
  virtual void registration_changed(std::uint32_t vcpu, const PvRegistration& registration) = 0;
  virtual void set_timer(std::uint32_t vcpu, std::uint64_t ns) = 0;
  // False: there is no such vCPU or channel.
  virtual bool send_event(std::uint32_t vcpu, std::uint64_t channel) = 0;
  // False, nothing: no device has the port.
  virtual bool write_port(std::uint16_t port, unsigned bytes, std::uint32_t value) = 0;
  virtual std::optional<std::uint32_t> read_port(std::uint16_t port, unsigned bytes) = 0;
  virtual void invalidate_page(std::uint64_t gva) = 0;
};

struct HypercallResult {
  enum class Then { resume, block, crash };
  Then then = Then::resume;
  std::optional<std::uint64_t> value{};  // for RAX, where the call has one
  std::string reason{};                  // crash
};

// Does one call of a vCPU. Nothing that a guest passes can do more harm than to itself.
[[nodiscard]] HypercallResult do_hypercall(std::uint32_t vcpu, const HypercallArguments& arguments,
                                           const x86::AddressSpace& space, PvRegistration& registration,
                                           HypercallServices& services);

}  // namespace trapline::vmm
