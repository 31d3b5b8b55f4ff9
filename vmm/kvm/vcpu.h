// A virtual CPU. All calls but request_immediate_exit belong to the thread that runs it, or to any thread
// while none does: KVM makes others wait until KVM_RUN has returned.
#pragma once

#include <linux/kvm.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/fd.h"
#include "base/mapping.h"
#include "base/result.h"
#include "vmm/kvm/stats.h"

namespace trapline::vmm {

// How KVM_RUN returned, other than by an error.
enum class RunResult {
  exited,       // look at run_state().exit_reason
  interrupted,  // EINTR: a signal, or an immediate exit was asked for
  again,        // EAGAIN: the vCPU became runnable (INIT, SIPI); call again
};

class Vcpu {
 public:
  [[nodiscard]] Status set_cpuid(std::span<const kvm_cpuid_entry2> entries) const;
  [[nodiscard]] Result<kvm_sregs> sregs() const;
  [[nodiscard]] Status set_sregs(const kvm_sregs& sregs) const;
  [[nodiscard]] Result<kvm_regs> regs() const;
  [[nodiscard]] Status set_regs(const kvm_regs& regs) const;
  [[nodiscard]] Status set_msrs(std::span<const kvm_msr_entry> msrs) const;

  // KVM_INTERRUPT: the vector is injected at the next entry. Only without a local APIC in the kernel, and
  // when run_state() says that the guest is ready for it.
  [[nodiscard]] Status interrupt(std::uint8_t vector) const;
  // KVM_SET_MP_STATE(RUNNABLE): a vCPU other than the first, with local APICs in the kernel, would wait for
  // INIT.
  [[nodiscard]] Status make_runnable() const;
  // With local APICs in the kernel: whether it sleeps in a HLT.
  [[nodiscard]] Result<bool> is_halted() const;
  [[nodiscard]] Result<kvm_lapic_state> lapic() const;
  // KVM_EXIT_DEBUG before the instruction at any of these addresses, at most four.
  [[nodiscard]] Status break_at(std::span<const std::uint64_t> addresses) const;

  // From now on each exit leaves the general registers in run_state(), and the next KVM_RUN takes them from
  // there if they were marked as changed (KVM_CAP_SYNC_REGS): no ioctl to read or write them.
  void keep_registers_in_run_state() const { run_state().kvm_valid_regs = KVM_SYNC_X86_REGS; }
  [[nodiscard]] kvm_regs& registers() const { return run_state().s.regs.regs; }
  void registers_changed() const { run_state().kvm_dirty_regs |= KVM_SYNC_X86_REGS; }

  // Guest TSC = host TSC + offset, in guest ticks (Documentation/virt/kvm/devices/vcpu.rst, 4.1).
  [[nodiscard]] Result<std::int64_t> tsc_offset() const;
  [[nodiscard]] Result<std::uint32_t> tsc_khz() const;
  // Opened before the first KVM_RUN: opening would wait for a running vCPU. Reading never waits.
  [[nodiscard]] Result<VcpuStats> open_stats() const;

  // KVM_RUN. No allocation, nothing but the call, unless it fails.
  [[nodiscard]] Result<RunResult> run() const;
  [[nodiscard]] kvm_run& run_state() const { return *reinterpret_cast<kvm_run*>(mapping_.data()); }
  // From any thread: the next KVM_RUN returns `interrupted` at once, and so do all later ones. One that is
  // under way needs a signal besides (api.rst, 5, immediate_exit).
  void request_immediate_exit() const;
  // On the vCPU's thread: KVM_RUN is not to return at once any more.
  void forget_immediate_exit() const;

 private:
  friend class Vm;
  Vcpu(Fd fd, Mapping mapping, std::string name)
      : fd_(std::move(fd)), mapping_(std::move(mapping)), name_(std::move(name)) {}

  Fd fd_;
  Mapping mapping_;
  std::string name_;
};

}  // namespace trapline::vmm
