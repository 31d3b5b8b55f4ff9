// What the running kernel offers the recorder, found by looking (BTF, /proc, /sys), never by its version.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tracer/recorder/kernel_btf.h"
#include "tracer/recorder/vmx_support.h"
#include "tracer/recording/info.h"

namespace trapline::tracer {

using recording::Isa;

// How the probes learn what an exit was; bpf/vmx.h has the reasons. `vmx_light` costs less, and cannot tell
// the RIP of an exit.
enum class ProbeMode : std::uint8_t { svm, vmx_complete, vmx_light };

// Our own VMM, which makes marks and whose guest stamps; or any.
enum class VmScope : std::uint8_t { own, any };

// How KVM's functions are followed that know of which VM an interrupt is (bpf/raise.h).
enum class FollowBy : std::uint8_t { nothing, fentry, fprobe };

struct KernelSupport {
  // What all of this was read from, for the probes' types; null: nothing was read.
  std::shared_ptr<const KernelBtf> btf;
  std::string release;                               // uname -r
  Isa isa = Isa::none;                               // which of kvm_amd, kvm_intel is loaded
  bool kernel_btf = false;                           // /sys/kernel/btf/vmlinux is readable
  bool kvm_btf = false;                              // BTF of kvm and of the vendor module (or both built in)
  bool rdonly_cast = false;                          // kfunc bpf_rdonly_cast: plain loads instead of copies
  std::uint32_t timespec64_btf_id = 0;               // in the kernel's BTF: what bpf_rdonly_cast() is given
  ClassicExit classic_exit = ClassicExit::no_event;  // VMX, for vmx_complete
  std::string light_lacks = "no BTF was read";       // VMX, what vmx_light lacks; empty: nothing
  std::vector<std::string> tracepoints;              // of those in probed_tracepoints() that this kernel has
  std::vector<std::string> functions;                // of those in followed_functions() that BTF has
  bool fprobe = false;                               // BPF can be attached by fprobe ("kprobe.multi")
  bool cap_bpf = false;
  bool cap_perfmon = false;
  bool cap_sys_admin = false;
  bool cap_sys_ptrace = false;  // to see the descriptors of others' processes
  std::string lockdown;         // "none", "integrity", "confidentiality"; empty: no lockdown support

  [[nodiscard]] bool has_tracepoint(std::string_view name) const;
  // Of those that can work here the one that records most.
  [[nodiscard]] ProbeMode best_mode() const;
  // fentry where KVM is a module takes CAP_SYS_ADMIN.
  [[nodiscard]] FollowBy follow_by() const;
  [[nodiscard]] bool has_function(std::string_view name) const;
};

struct ProbedTracepoint {
  std::string_view name;
  std::string_view program;  // the BPF program in bpf/probes.bpf.c
  bool required;             // without it there is no recording; otherwise what it tells is missing
  // What the program takes its arguments for, each by its size in bytes, 'v' for a struct kvm_vcpu*. A
  // tracepoint whose arguments are others counts as missing: raw tracepoints are not checked by anybody else.
  std::string_view arguments;
};
// Every tracepoint that the probes of a mode attach to, in the order of attaching.
[[nodiscard]] std::vector<ProbedTracepoint> probed_tracepoints(ProbeMode mode, VmScope scope = VmScope::own);

// Those of them that `trapline top` needs, and the way of its probes: it does without the RIP, so light is
// enough.
[[nodiscard]] std::vector<ProbedTracepoint> live_tracepoints(ProbeMode mode);
[[nodiscard]] ProbeMode live_mode(const KernelSupport& kernel);

// KVM's functions that are followed, and the programs that do it. Without an end its return does not matter.
struct FollowedFunction {
  std::string_view name;
  std::string_view fentry_begins;
  std::string_view fexit_ends;
  std::string_view fprobe_begins;
  std::string_view fprobe_ends;
};
[[nodiscard]] std::vector<FollowedFunction> followed_functions();

[[nodiscard]] std::string_view probe_mode_name(ProbeMode mode);  // "full", "light"

[[nodiscard]] KernelSupport look_at_kernel();

// The module of the processor's vendor: "kvm_amd", "kvm_intel".
[[nodiscard]] const char* vendor_module(Isa isa);

}  // namespace trapline::tracer
