// The VMM's side of the monitor (vmm/guest/monitor.S): the tables that lead hardware into it, and the frames
// of the traps that it calls the VMM for. What the paths with a deprivileged kernel share.
#pragma once

#include <linux/kvm.h>

#include <cstdint>
#include <optional>

#include "vmm/paths/delivery_path.h"
#include "vmm/x86/delivery.h"
#include "vmm/x86/descriptors.h"

namespace trapline::vmm {

// What hardware's own tables hold while the kernel runs at CPL 1.
struct MonitorTables {
  std::uint64_t stubs = 0;  // of the monitor, for all vectors: GUEST_STUB_BYTES each
  bool user_segment_traps =
      false;  // GUEST_USER_CS is absent: an IRET to it is a #NP; users run on the hidden one
};
// Writes IDT, GDT, TSS and the monitor's state for each vCPU.
[[nodiscard]] Status write_monitor_tables(const GuestMemory& memory, std::uint32_t vcpus,
                                          const MonitorTables& tables);
// Replaces the gate of one vector.
[[nodiscard]] Status set_gate(const GuestMemory& memory, std::uint8_t vector, const x86::Gate& gate);
// The privilege from which a vector may be raised by INT.
[[nodiscard]] unsigned gate_privilege(unsigned vector);

// A kernel at CPL 1 under the monitor. `syscall_entry`: the monitor's.
void set_deprivileged_state(const KernelImage& image, std::uint64_t page_table_root, std::uint32_t vcpu,
                            std::uint64_t syscall_entry, VcpuState& state);
// Registers are exchanged without ioctls: KVM_CAP_SYNC_REGS, which every x86 KVM since Linux 4.17 has.
[[nodiscard]] Status prepare_deprivileged_vcpu(const Vcpu& vcpu);

[[nodiscard]] bool is_monitor_call(const kvm_run& run);

// The frame of the trap that the monitor of this vCPU calls for, copied: the guest cannot change it any more.
// Fails where the stack pointer says that the monitor itself trapped: only broken tables can lead there.
[[nodiscard]] Result<guest_monitor_frame> read_monitor_frame(const GuestMemory& memory, std::uint32_t vcpu,
                                                             std::uint64_t rsp);
// The monitor runs with interrupts off. An interrupt there was delivered before, and once more before the
// monitor's first instruction, or a later one: its vector and the RIP that it interrupted. The monitor goes
// on there when it is entered again.
struct RepeatedInterrupt {
  std::uint16_t vector = 0;
  std::uint64_t rip = 0;
};
[[nodiscard]] std::optional<RepeatedInterrupt> second_delivery(const GuestMemory& memory, std::uint32_t vcpu,
                                                               std::uint64_t rsp);
// An external interrupt, as against an exception or INT n.
[[nodiscard]] bool is_interrupt(std::uint64_t vector);
// Where the monitor goes on.
[[nodiscard]] Status write_monitor_frame(const GuestMemory& memory, std::uint32_t vcpu,
                                         const guest_monitor_frame& frame);

// Makes the monitor execute one of its routines (monitor_flush_page, monitor_load_cr3) with this argument
// before it goes on where `frame` led.
[[nodiscard]] Status run_in_monitor(const GuestMemory& memory, std::uint32_t vcpu, std::uint64_t routine,
                                    std::uint64_t argument, guest_monitor_frame& frame);

// CR2 of the last page fault that the monitor called for.
[[nodiscard]] Result<std::uint64_t> faulting_address(const GuestMemory& memory, std::uint32_t vcpu);

[[nodiscard]] inline x86::HardwareFrame hardware_frame(const guest_monitor_frame& frame) {
  return {frame.rip, frame.cs, frame.rflags, frame.rsp, frame.ss};
}
// The error code of the vector, where it has one.
[[nodiscard]] std::optional<std::uint64_t> error_code_of(const guest_monitor_frame& frame);
[[nodiscard]] inline bool from_user(const guest_monitor_frame& frame) {
  return x86::privilege_of(frame.cs) == 3;
}
// "vector 0xe (#PF) at 0x1234 cannot be delivered: ..."
[[nodiscard]] std::string undeliverable(const guest_monitor_frame& frame, std::string_view why);

}  // namespace trapline::vmm
