// The session's low-rate facts as plain values: what RecordingWriter::write takes and RecordingReader gives
// back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "tracer/clock/sample.h"

namespace trapline::recording {

using tracer::ClockSample;  // recorded at its own `ns`

// A vCPU of the recording: before its first entry, or when the probes first saw it.
struct VcpuStarted {
  HostNs at;
  std::uint16_t vcpu = 0;  // its number in this recording: what every record carries
  std::uint32_t tid = 0;
  std::int64_t tsc_offset = 0;      // guest TSC = host TSC + offset
  std::uint32_t guest_tsc_khz = 0;  // 0: neither is known (any VM but our own)
  std::uint16_t vm = 0;             // number of its VM in this recording
  std::uint16_t vcpu_id = 0;        // KVM's, within its VM
};

// What told the name of a VM.
enum class VmNamedBy : std::uint16_t {
  nothing = 0,
  command_line = 1,  // QEMU's -name or its like
  libvirt = 2,       // its cgroup
  container = 3,     // its cgroup
  process = 4,       // the name of its process
};
[[nodiscard]] std::string_view vm_named_by(VmNamedBy by);  // "command line", "libvirt"

// A VM of the recording. One with one VM only may have none: VM 0 then.
struct Vm {
  HostNs at;
  std::uint16_t vm = 0;  // its number in this recording
  std::uint32_t pid = 0;
  VmNamedBy named_by = VmNamedBy::nothing;
  std::string name;
};

struct Workload {
  HostNs at;
  std::uint32_t guest_workload = 0;  // enum guest_workload of vmm/guest/abi.h
  std::uint32_t index = 0;           // position in the run, from 0
  std::uint64_t count = 0;           // events asked for
  std::string name;
};

// What the guest counted itself.
struct GuestCount {
  HostNs at;
  std::uint16_t vcpu = 0;
  std::uint32_t kind = 0;  // enum guest_count_kind of vmm/guest/abi.h
  std::uint32_t key = 0;
  std::uint64_t count = 0;
};

// One counter of KVM_GET_STATS_FD.
struct KvmStat {
  HostNs at;
  std::uint16_t vcpu = 0;  // TRL_NO_VCPU: the VM's
  std::string name;
  std::uint64_t value = 0;
};

// Where records were lost that no stream's own events_discarded counts.
enum class LossSource : std::uint32_t {
  exit_cycles = 1,    // instance: host CPU
  kvm_events = 2,     // instance: host CPU
  guest_stamps = 3,   // instance: vCPU
  exits_handled = 4,  // instance: vCPU
  interrupts_raised = 5,
  probe_recursion = 6,  // the kernel skipped a probe: it was already running on that CPU
  threads = 7,          // vCPU threads that could not be followed at all
  unattributed = 8,     // not lost, but of no known VM: interrupts raised in kernel threads
  filtered = 9,         // not lost, but left out: exits that the recording's filter does not want
};
[[nodiscard]] std::string_view loss_source_name(LossSource source);

struct StreamLoss {
  HostNs at;
  LossSource source = LossSource::exit_cycles;
  std::uint32_t instance = 0;
  std::uint64_t count = 0;
};

// What recording costs on this machine, measured before the run.
struct ProbeCost {
  HostNs at;
  std::int64_t per_exit_ns = 0;
  std::uint64_t traced_ns = 0;
  std::uint64_t untraced_ns = 0;
  std::uint64_t exits = 0;
};

enum class EndReason : std::uint32_t { finished = 1, stopped = 2, guest_crashed = 3 };
[[nodiscard]] std::string_view end_reason_name(EndReason reason);  // "finished", "stopped", "guest crashed"

// The last thing that is written; a recording without it was cut off: its recorder did not come to its end.
struct RecordingEnd {
  HostNs at;
  EndReason reason = EndReason::finished;
  std::uint64_t records_lost = 0;
};

}  // namespace trapline::recording
