// How a trap or an interrupt reaches the guest's kernel, and how it gets back. One file per path; the
// nano-kernel and everything around it stay the same. Four things differ, and each path says who does them
// (ownership()): who owns the gate, who switches the stack, who executes the iret, who owns IF.
//
// Where the paths differ in what they do, from boot on:
//   prepare_vm      interrupt controllers: in the kernel, in the VMM, none
//   prepare_kernel  the kernel's text, before it runs: a ring-0 emulator places its stub here, a binary
//   translator
//                   replaces privileged instructions
//   write_tables    GDT, IDT, TSS: whose entry a gate leads to, and at which privilege
//   initial_state   registers and MSRs of a vCPU: the kernel's privilege level, where SYSCALL enters
//   before_entry    injection by a path that has no interrupt controller in the kernel
//   handle_exit     exits that the path causes on purpose: stubs, hypercalls, privileged instructions,
//   windows raise           a device's interrupt
#pragma once

#include <linux/kvm.h>

#include <cstdint>
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
#include "vmm/observer.h"

namespace trapline::vmm {

enum class Owner { hardware, guest_kernel, ring0_stub, vmm };

struct Ownership {
  Owner gate;            // whose table entry the processor goes through first
  Owner stack_switch;    // who loads the handler's stack
  Owner iret;            // who executes the return to the interrupted code
  Owner interrupt_flag;  // whose IF decides whether an interrupt may come
};

enum class ExitVerdict {
  resume,    // the path has dealt with it
  not_mine,  // a device's, or nobody's
  crashed,   // the path's own, but broken: the guest cannot go on
};

struct VcpuState {
  kvm_sregs sregs;  // in: as KVM created it
  kvm_regs regs;
  std::vector<kvm_msr_entry> msrs;
};

class DeliveryPath {
 public:
  virtual ~DeliveryPath() = default;

  [[nodiscard]] virtual Ownership ownership() const = 0;
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

  // On the vCPU's thread, for every entry and every exit: no allocation, no locks.
  [[nodiscard]] virtual Status before_entry(const Vcpu& /*vcpu*/) { return {}; }
  [[nodiscard]] virtual ExitVerdict handle_exit(const Vcpu& /*vcpu*/) { return ExitVerdict::not_mine; }

  // On a device's thread.
  [[nodiscard]] virtual Status raise(const Vm& vm, RaiseKind kind) = 0;
};

}  // namespace trapline::vmm
