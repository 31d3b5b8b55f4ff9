#include "cli/probe_cost.h"

#include <algorithm>
#include <atomic>

#include "vmm/machine/machine.h"

namespace trapline::cli {
namespace {

Result<std::uint64_t> time_one_loop(const vmm::Kvm& kvm, std::uint32_t writes) {
  vmm::MachineConfig config;
  config.workloads = {{GUEST_WORKLOAD_PIO, writes}};
  config.stamps = false;
  TRAPLINE_ASSIGN(machine, vmm::Machine::create(kvm, std::move(config)));
  vmm::Observer nobody;
  const std::atomic<bool> never{false};
  TRAPLINE_ASSIGN(outcome, machine.run(nobody, never));
  if (outcome.end != vmm::RunOutcome::End::finished) {
    return fail("the guest that measures the probes' cost did not come to its end\n" + outcome.crash_report);
  }
  return outcome.loop_ns / writes;
}

}  // namespace

Result<std::uint64_t> time_port_write(const vmm::Kvm& kvm, std::uint32_t writes, int rounds) {
  // The first loop of a process is slower for reasons of its own: nothing is warm.
  TRAPLINE_TRY(time_one_loop(kvm, writes));
  std::uint64_t lowest = ~std::uint64_t{0};
  for (int round = 0; round < rounds; ++round) {
    TRAPLINE_ASSIGN(each_ns, time_one_loop(kvm, writes));
    lowest = std::min(lowest, each_ns);
  }
  return lowest;
}

}  // namespace trapline::cli
