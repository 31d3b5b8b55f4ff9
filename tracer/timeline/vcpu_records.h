// The records of one vCPU, dated and in order, before anything is made of them.
#pragma once

#include <cstdint>
#include <vector>

#include "base/time.h"
#include "bpf/record.h"
#include "tracer/timeline/timeline.h"
#include "vmm/guest/abi.h"

namespace trapline::tracer {

struct DatedStamp {
  HostNs at;
  guest_stamp stamp;
};

// The VMM's account of one stay in user space.
struct DatedStay {
  HostNs left;     // KVM_RUN had returned
  HostNs entered;  // KVM_RUN was called again
};

// The vCPU's thread was off the CPU.
struct OffCpu {
  HostNs out;
  HostNs in;
  std::uint64_t task_state = 0;  // 0: it was preempted, it could run on
};

// A halt in KVM as KVM tells of it when it is over (kvm_vcpu_wakeup).
struct HaltSpan {
  HostNs begin;
  HostNs end;
};

// A stretch in which exit cycles of some vCPU were lost.
struct LossSpan {
  HostNs begin;
  HostNs end;
};

struct VcpuRecords {
  std::uint16_t vcpu = 0;
  std::vector<trl_exit_cycle> cycles;       // by entry; those without an exit (TRL_ENTRY_ONLY) included
  std::vector<trl_exit_cycle> open_cycles;  // TRL_CYCLE_OPEN
  std::vector<OffCpu> off_cpu;
  std::vector<HaltSpan> halts;
  std::vector<DatedStamp> stamps;
  std::vector<DatedStay> stays;
  std::vector<VmmStep> steps;  // dated, not yet put into exits
};

}  // namespace trapline::tracer
