// What the running kernel offers the recorder, found by looking (BTF, /proc, /sys), never by its version.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tracer/recording/info.h"

namespace trapline::tracer {

using recording::Isa;

struct KernelSupport {
  std::string release;                   // uname -r
  Isa isa = Isa::none;                   // which of kvm_amd, kvm_intel is loaded
  bool kernel_btf = false;               // /sys/kernel/btf/vmlinux is readable
  bool kvm_btf = false;                  // BTF of kvm and of the vendor module (or both built in)
  bool rdonly_cast = false;              // kfunc bpf_rdonly_cast: plain loads instead of copies
  std::vector<std::string> tracepoints;  // of those in kProbedTracepoints that this kernel has
  bool cap_bpf = false;
  bool cap_perfmon = false;
  bool cap_sys_admin = false;
  std::string lockdown;  // "none", "integrity", "confidentiality"; empty: no lockdown support

  [[nodiscard]] bool has_tracepoint(std::string_view name) const;
};

struct ProbedTracepoint {
  std::string_view name;
  std::string_view program;  // the BPF program in bpf/probes.bpf.c
  bool required;             // without it there is no recording; otherwise what it tells is missing
};
// Every tracepoint that the probes attach to, in the order of attaching.
[[nodiscard]] const std::vector<ProbedTracepoint>& probed_tracepoints();

[[nodiscard]] KernelSupport look_at_kernel();

// Whether the recorder can work here; the error names what lacks and the remedy.
[[nodiscard]] Status check_recording_possible(const KernelSupport& kernel);

}  // namespace trapline::tracer
