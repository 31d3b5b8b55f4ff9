// What the three paravirtual paths share: hypercalls, event channels, and the VMM's part in delivering traps
// to a kernel that has registered its handlers. They differ in the tables: in how much of it happens without
// the VMM.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "vmm/machine/one_shot.h"
#include "vmm/paths/delivery_path.h"
#include "vmm/paths/event_channels.h"
#include "vmm/paths/hypercalls.h"
#include "vmm/paths/monitor.h"

namespace trapline::vmm {

class ParavirtualPath : public DeliveryPath {
 public:
  [[nodiscard]] std::optional<std::string> cannot_run(guest_workload workload) const override;
  [[nodiscard]] Status prepare_vm(const Vm& vm) override;
  [[nodiscard]] Status prepare_vcpu(std::uint32_t index, const Vcpu& vcpu) override;
  void initial_state(const KernelImage& image, std::uint64_t page_table_root, std::uint32_t vcpu,
                     VcpuState& state) const override;
  [[nodiscard]] Status start(const PathSurroundings& surroundings) override;
  void stop() override;
  [[nodiscard]] Status before_entry(const PathVcpu& vcpu) override;
  [[nodiscard]] ExitOutcome handle_exit(const PathVcpu& vcpu) override;
  [[nodiscard]] bool should_wake(std::uint32_t vcpu) const override;
  [[nodiscard]] Result<bool> sleeps_for_good(const PathVcpu& vcpu, bool in_vmm) const override;
  [[nodiscard]] Status raise(const PathSurroundings& surroundings, RaiseKind kind) override;

 protected:
  // The monitor's entry for SYSCALL.
  [[nodiscard]] virtual std::uint64_t syscall_entry(const KernelImage& image) const = 0;

 private:
  struct VcpuContext {
    PvRegistration registration;
    std::unique_ptr<OneShot> timer;
    bool in_monitor = false;  // the last exit was a call of the monitor's: its frame may still be changed
  };
  class Services;

  [[nodiscard]] ExitOutcome hypercall(const PathVcpu& vcpu, guest_monitor_frame& frame);
  [[nodiscard]] ExitOutcome iret(const PathVcpu& vcpu, guest_monitor_frame& frame);
  [[nodiscard]] ExitOutcome enter_handler(const PathVcpu& vcpu, guest_monitor_frame& frame);
  [[nodiscard]] ExitOutcome dispatch(const PathVcpu& vcpu, guest_monitor_frame& frame);
  // Puts an upcall on top of where the monitor's frame leads.
  [[nodiscard]] Status enter_upcall(const PathVcpu& vcpu);
  [[nodiscard]] Status inject_upcall(const PathVcpu& vcpu);
  void raise_event(std::uint32_t vcpu, unsigned channel);

  std::optional<PathSurroundings> surroundings_;  // from start() on
  std::optional<EventChannels> events_;
  std::vector<VcpuContext> vcpus_;
};

}  // namespace trapline::vmm
