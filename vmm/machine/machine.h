// A virtual machine with the nano-kernel in it, from its creation to the end of its one run.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vmm/guest/abi.h"
#include "vmm/kvm/kvm.h"
#include "vmm/kvm/stats.h"
#include "vmm/machine/guest_memory.h"
#include "vmm/machine/kernel_image.h"
#include "vmm/observer.h"
#include "vmm/paths/delivery_path.h"

namespace trapline::vmm {

struct WorkloadRun {
  guest_workload workload = GUEST_WORKLOAD_NONE;
  std::uint32_t count = 0;  // events
};

// Bounds of the guest's waits: beyond them the run ends as a crash whose report says who waited for what.
struct WaitBounds {
  // A loop: rounds of GUEST_WAIT_ROUND looks, and so much time of the guest's TSC. Both: on a fast processor
  // rounds take no time, and the clock of an emulated machine may jump.
  std::uint64_t rounds = 256;
  std::chrono::seconds at_least{60};
  std::uint64_t wakes = 1'000'000;  // HLTs in a row that ended without an interrupt
  unsigned quiet_polls = 500;       // with every vCPU's thread asleep, until the VMM asks why
};

// What a run of the tests suffers.
struct Disturbances {
  bool wake = false;           // HLTs end without an interrupt, at each poll
  bool deliver_twice = false;  // each interrupt is delivered a second time (second_deliveries.h)
};

struct MachineConfig {
  std::string path = "hvm";
  std::vector<WorkloadRun> workloads;  // one after the other
  std::uint32_t vcpus = 1;             // the second answers IPIs and nothing else
  bool stamps = true;
  bool steps = true;   // what the path does step by step is told to the observer
  bool greet = false;  // the kernel greets over the serial port at boot, which costs exits
  std::uint32_t ring_stamps = GUEST_RING_MAX_STAMPS;
  // From arming to the interrupt: long enough that the guest is back in user mode and waits. One that comes
  // sooner is handled before U0, and no K1 lies between that U0 and its U3: it is armed again, for twice as
  // long.
  std::chrono::microseconds timer_delay{1000};
  std::chrono::microseconds doorbell_delay{1000};
  WaitBounds waits;
  Disturbances disturb;
  std::function<void(std::string_view)> console;  // on the vCPU's thread, line by line; may be empty
};

struct VcpuOutcome {
  std::vector<guest_count> counts;  // the guest's own, at most GUEST_COUNT_SLOTS; not to be trusted
  std::vector<VcpuStat> stats;      // KVM's
  std::int64_t tsc_offset_before = 0;
  std::int64_t tsc_offset_after = 0;  // differs: guest times of this run are not exact
  std::uint64_t stamps_lost = 0;
  std::uint64_t exits_lost = 0;  // marks of exits that found no room
  std::uint64_t ring_waits = 0;  // how often the guest waited for its stamps to be read; its own word
  // What Disturbances did.
  std::uint64_t woken_for_nothing = 0;
  std::uint64_t delivered_twice = 0;
};

struct RunOutcome {
  enum class End { finished, stopped, guest_crashed };
  End end = End::stopped;
  std::string crash_report;  // guest_crashed: text of several lines
  std::vector<VcpuOutcome> vcpus;
  std::uint64_t loop_ns = 0;  // from the first entry to the last exit, on the host's monotonic clock
};

class Machine {
 public:
  static Result<Machine> create(const Kvm& kvm, MachineConfig config);

  // Runs the guest to its end. The calling thread reads stamps and marks and tells the observer, every poll
  // interval and once more after the end. `stop` may be set at any time, also by a signal handler: the run
  // ends within a poll interval, whatever the guest does. A guest's crash is an outcome, not an error. At
  // most one run per machine.
  Result<RunOutcome> run(Observer& observer, const std::atomic<bool>& stop,
                         std::chrono::milliseconds poll_interval = std::chrono::milliseconds(10));

 private:
  friend class MachineRun;
  Machine(MachineConfig config, KernelImage image, std::unique_ptr<DeliveryPath> path, GuestMemory memory,
          std::uint64_t page_table_root, Vm vm);
  Status create_vcpu(const Kvm& kvm);

  MachineConfig config_;
  KernelImage image_;
  std::unique_ptr<DeliveryPath> path_;
  // Destroyed in reverse: the vCPU before its VM, the VM before the memory that it maps.
  GuestMemory memory_;
  std::uint64_t page_table_root_;
  Vm vm_;
  std::vector<Vcpu> vcpus_;
  std::vector<VcpuStats> stats_;
  bool has_run_ = false;
};

}  // namespace trapline::vmm
