#include "vmm/kvm/vcpu.h"

#include <fmt/format.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "vmm/kvm/ioctl.h"
#include "vmm/kvm/variable_length.h"

namespace trapline::vmm {

Status Vcpu::set_cpuid(std::span<const kvm_cpuid_entry2> entries) const {
  auto buffer = with_entries(entries);
  TRAPLINE_TRY(kvm_ioctl(fd_, kSetCpuid2, buffer.data(), "KVM_SET_CPUID2", name_));
  return {};
}

Result<kvm_sregs> Vcpu::sregs() const {
  kvm_sregs sregs{};
  TRAPLINE_TRY(kvm_ioctl(fd_, KVM_GET_SREGS, &sregs, "KVM_GET_SREGS", name_));
  return sregs;
}

Status Vcpu::set_sregs(const kvm_sregs& sregs) const {
  TRAPLINE_TRY(kvm_ioctl(fd_, KVM_SET_SREGS, &sregs, "KVM_SET_SREGS", name_));
  return {};
}

Result<kvm_regs> Vcpu::regs() const {
  kvm_regs regs{};
  TRAPLINE_TRY(kvm_ioctl(fd_, KVM_GET_REGS, &regs, "KVM_GET_REGS", name_));
  return regs;
}

Status Vcpu::set_regs(const kvm_regs& regs) const {
  TRAPLINE_TRY(kvm_ioctl(fd_, KVM_SET_REGS, &regs, "KVM_SET_REGS", name_));
  return {};
}

Status Vcpu::set_msrs(std::span<const kvm_msr_entry> msrs) const {
  auto buffer = with_entries(msrs);
  TRAPLINE_ASSIGN(set, kvm_ioctl(fd_, kSetMsrs, buffer.data(), "KVM_SET_MSRS", name_));
  if (static_cast<std::size_t>(set) == msrs.size()) return {};
  // KVM stops at the first one that it does not take.
  return fail(fmt::format("KVM refuses the value {:#x} for MSR {:#x} of {}",
                          std::uint64_t{msrs[static_cast<std::size_t>(set)].data},
                          std::uint32_t{msrs[static_cast<std::size_t>(set)].index}, name_));
}

Status Vcpu::interrupt(std::uint8_t vector) const {
  kvm_interrupt interrupt{};
  interrupt.irq = vector;
  TRAPLINE_TRY(kvm_ioctl(fd_, KVM_INTERRUPT, &interrupt, "KVM_INTERRUPT", name_));
  return {};
}

Status Vcpu::make_runnable() const {
  kvm_mp_state state{};
  state.mp_state = KVM_MP_STATE_RUNNABLE;
  TRAPLINE_TRY(kvm_ioctl(fd_, KVM_SET_MP_STATE, &state, "KVM_SET_MP_STATE", name_));
  return {};
}

Result<bool> Vcpu::is_halted() const {
  kvm_mp_state state{};
  TRAPLINE_TRY(kvm_ioctl(fd_, KVM_GET_MP_STATE, &state, "KVM_GET_MP_STATE", name_));
  return state.mp_state == KVM_MP_STATE_HALTED;
}

Result<kvm_lapic_state> Vcpu::lapic() const {
  kvm_lapic_state state{};
  TRAPLINE_TRY(kvm_ioctl(fd_, KVM_GET_LAPIC, &state, "KVM_GET_LAPIC", name_));
  return state;
}

// DR7: two bits enable a breakpoint, four that stay 0 make it one on execution (AMD APM vol. 2, 13.1.1.4).
Status Vcpu::break_at(std::span<const std::uint64_t> addresses) const {
  constexpr std::size_t kBreakpoints = 4;
  constexpr std::uint64_t kFixed = 1u << 10;
  kvm_guest_debug debug{};
  debug.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
  debug.arch.debugreg[7] = kFixed;
  for (std::size_t i = 0; i < std::min(addresses.size(), kBreakpoints); ++i) {
    debug.arch.debugreg[i] = addresses[i];
    debug.arch.debugreg[7] |= std::uint64_t{2} << 2 * i;
  }
  TRAPLINE_TRY(kvm_ioctl(fd_, KVM_SET_GUEST_DEBUG, &debug, "KVM_SET_GUEST_DEBUG", name_));
  return {};
}

Result<std::int64_t> Vcpu::tsc_offset() const {
  std::int64_t offset = 0;
  kvm_device_attr attribute{};
  attribute.group = KVM_VCPU_TSC_CTRL;
  attribute.attr = KVM_VCPU_TSC_OFFSET;
  attribute.addr = reinterpret_cast<std::uint64_t>(&offset);
  auto got =
      kvm_ioctl(fd_, KVM_GET_DEVICE_ATTR, &attribute, "KVM_GET_DEVICE_ATTR(KVM_VCPU_TSC_OFFSET)", name_);
  if (!got) {
    got.error().remedy = "Linux 5.16 or later can tell the TSC offset";
    got.error().status = ExitStatus::machine_lacks;
    return fail(got.error());
  }
  return offset;
}

Result<std::uint32_t> Vcpu::tsc_khz() const {
  TRAPLINE_ASSIGN(khz, kvm_ioctl(fd_, KVM_GET_TSC_KHZ, 0UL, "KVM_GET_TSC_KHZ", name_));
  return static_cast<std::uint32_t>(khz);
}

Result<VcpuStats> Vcpu::open_stats() const {
  TRAPLINE_ASSIGN(fd, kvm_ioctl(fd_, KVM_GET_STATS_FD, 0UL, "KVM_GET_STATS_FD", name_));
  return VcpuStats::of(Fd(fd), name_);
}

Result<RunResult> Vcpu::run() const {
  if (::ioctl(fd_.get(), KVM_RUN, 0) == 0) return RunResult::exited;
  switch (errno) {
    case EINTR:
      return RunResult::interrupted;
    case EAGAIN:
      return RunResult::again;
    default:
      return fail(system_error("run", name_, errno));
  }
}

void Vcpu::forget_immediate_exit() const {
  std::atomic_ref<std::uint8_t>(run_state().immediate_exit).store(0, std::memory_order_relaxed);
}

void Vcpu::request_immediate_exit() const {
  std::atomic_ref<std::uint8_t>(run_state().immediate_exit).store(1, std::memory_order_release);
}

}  // namespace trapline::vmm
