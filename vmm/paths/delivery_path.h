// How a trap or an interrupt reaches the guest's kernel, and how it gets back. One file per path; the
// nano-kernel's workloads and everything around them stay the same. Four things differ, and each path says
// who does them (ownership()): who owns the gate, who switches the stack, who executes the iret, who owns IF.
//
// Where the paths differ in what they do, from boot on:
//   prepare_vm      interrupt controllers: in the kernel, in the VMM, none
//   prepare_kernel  the kernel's text, before it runs. No path changes it today. A binary translator would
//                   replace the sensitive instructions here (POPF, SGDT, MOV from CS never trap), and
//                   emulate-ring0, which emulates in the monitor what emulate exits for, would place its
//                   emulator and point write_tables at it
//   write_tables    GDT, IDT, TSS: whose entry a gate leads to, and at which privilege
//   initial_state   registers and MSRs of a vCPU: the kernel's privilege level, where SYSCALL enters
//   before_entry    injection by a path that has no interrupt controller in the kernel
//   handle_exit     exits that the path causes on purpose: the monitor's calls, hypercalls, HLT
//   raise           a device's interrupt
#pragma once

#include <linux/kvm.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vmm/guest/abi.h"
#include "vmm/kvm/vcpu.h"
#include "vmm/kvm/vm.h"
#include "vmm/machine/guest_memory.h"
#include "vmm/machine/kernel_image.h"
#include "vmm/machine/port_bus.h"
#include "vmm/machine/raise_log.h"
#include "vmm/machine/step_log.h"
#include "vmm/observer.h"

namespace trapline::vmm {

enum class Owner { hardware, guest_kernel, monitor, vmm };

struct Ownership {
  Owner gate;            // whose table entry leads to the guest's handler
  Owner stack_switch;    // who loads the handler's stack
  Owner iret;            // who executes the return to the interrupted code
  Owner interrupt_flag;  // whose IF decides whether an interrupt may come
};

struct ExitOutcome {
  enum class Verdict {
    resume,    // the path has dealt with it
    halt,      // resume when should_wake() says so
    not_mine,  // a device's, or nobody's
    crashed,   // the guest cannot go on
  };
  Verdict verdict = Verdict::resume;
  std::string reason;  // crashed: one sentence

  static ExitOutcome resume() { return {}; }
  static ExitOutcome halt() { return {Verdict::halt, {}}; }
  static ExitOutcome not_mine() { return {Verdict::not_mine, {}}; }
  static ExitOutcome crashed(std::string why) { return {Verdict::crashed, std::move(why)}; }
};

struct VcpuState {
  kvm_sregs sregs;  // in: as KVM created it
  kvm_regs regs;
  std::vector<kvm_msr_entry> msrs;
};

// A vCPU as a path sees it while it runs, on its thread.
struct PathVcpu {
  std::uint32_t index;
  const Vcpu& cpu;
  StepLog& steps;
  const PortBus& ports;
};

// What a path has around it from start() on; all of it outlives stop().
struct PathSurroundings {
  const Vm& vm;
  const GuestMemory& memory;
  const KernelImage& image;
  std::uint64_t page_table_root;
  std::uint32_t vcpus;
  std::function<void(std::uint32_t vcpu)> kick;  // makes it look for interrupts; from any thread
  RaiseLog& raised;
};

class DeliveryPath {
 public:
  virtual ~DeliveryPath() = default;

  [[nodiscard]] virtual Ownership ownership() const = 0;
  [[nodiscard]] virtual guest_platform platform() const { return GUEST_PLATFORM_HARDWARE; }
  // Why this path cannot run a workload; nothing when it can.
  [[nodiscard]] virtual std::optional<std::string> cannot_run(guest_workload workload) const = 0;

  [[nodiscard]] virtual Status prepare_vm(const Vm& vm) = 0;
  [[nodiscard]] virtual Status prepare_kernel(const GuestMemory& /*memory*/, const KernelImage& /*image*/) {
    return {};
  }
  [[nodiscard]] virtual Status write_tables(const GuestMemory& memory, const KernelImage& image,
                                            std::uint32_t vcpus) = 0;
  virtual void initial_state(const KernelImage& image, std::uint64_t page_table_root, std::uint32_t vcpu,
                             VcpuState& state) const = 0;
  // After its state was set.
  [[nodiscard]] virtual Status prepare_vcpu(std::uint32_t /*index*/, const Vcpu& /*vcpu*/) { return {}; }

  // Around the one run: before the first entry, and after the last exit.
  [[nodiscard]] virtual Status start(const PathSurroundings& /*surroundings*/) { return {}; }
  virtual void stop() {}

  // On the vCPU's thread, for every entry and every exit: no allocation.
  [[nodiscard]] virtual Status before_entry(const PathVcpu& /*vcpu*/) { return {}; }
  [[nodiscard]] virtual ExitOutcome handle_exit(const PathVcpu& /*vcpu*/) { return ExitOutcome::not_mine(); }
  // Of a vCPU that has halted.
  [[nodiscard]] virtual bool should_wake(std::uint32_t /*vcpu*/) const { return true; }
  // On the vCPU's thread, outside of KVM_RUN: it has halted (`in_vmm`: because handle_exit() said so), and
  // neither a pending interrupt nor a timer of this path will end that. Another vCPU may, or a device.
  [[nodiscard]] virtual Result<bool> sleeps_for_good(const PathVcpu& vcpu, bool in_vmm) const = 0;
  // ---- For tests
  // The same: ends a HLT that KVM keeps, without an interrupt; false where the vCPU is in none.
  [[nodiscard]] virtual Result<bool> end_halt(const PathVcpu& /*vcpu*/) const { return false; }
  // The instructions that hardware's delivery of a vCPU's interrupts leads to: at most four.
  [[nodiscard]] virtual std::vector<std::uint64_t> interrupt_entries(const KernelImage& image,
                                                                     std::uint32_t vcpu) const = 0;

  // On a device's thread: raises its interrupt, and logs it.
  [[nodiscard]] virtual Status raise(const PathSurroundings& surroundings, RaiseKind kind) = 0;
};

}  // namespace trapline::vmm
