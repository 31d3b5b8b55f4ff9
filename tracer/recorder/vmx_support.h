// What the two ways of bpf/vmx.h need of a kernel.
#pragma once

#include <cstdint>
#include <string>

#include "tracer/recorder/kernel_btf.h"

namespace trapline::tracer {

// Whether this process can attach to the classic tracepoint kvm_exit, from which full probes take what an
// exit was; else the first obstacle.
enum class ClassicExit : std::uint8_t {
  attachable,
  other_record,   // the tracepoint's record lacks a field that is read
  no_tracefs,     // tracefs is not mounted
  no_event,       // tracefs has no such event
  not_readable,   // with the rights of this process
  no_perf_event,  // perf_event_open(2) refuses this process
};

// With CAP_SYS_ADMIN nothing refuses perf_event_open(2), and it is not tried: that would enable the
// tracepoint.
[[nodiscard]] ClassicExit find_classic_exit(const KernelBtf& btf, bool cap_sys_admin);

// What light probes read and this kernel lacks, as "struct vcpu_vmx has no member exit_reason"; empty:
// nothing.
[[nodiscard]] std::string light_lacks(const KernelBtf& btf);

}  // namespace trapline::tracer
