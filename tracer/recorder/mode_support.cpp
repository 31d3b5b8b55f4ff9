#include "tracer/recorder/mode_support.h"

#include <fmt/format.h>

#include <string>
#include <utility>

namespace trapline::tracer {
namespace {

tl::unexpected<Error> lacks(std::string what, std::string remedy) {
  return fail(std::move(what), std::move(remedy), ExitStatus::machine_lacks);
}

// What every mode needs.
Status check_common(const KernelSupport& kernel, Rights rights) {
  if (kernel.lockdown == "confidentiality") {
    return lacks("the kernel is locked down (confidentiality): BPF may not read kernel memory",
                 "boot without lockdown=confidentiality, or run with --no-trace");
  }
  if (rights == Rights::own && (!kernel.cap_bpf || !kernel.cap_perfmon)) {
    return lacks(fmt::format("no right to load the probes:{}{} missing", kernel.cap_bpf ? "" : " CAP_BPF",
                             kernel.cap_perfmon ? "" : " CAP_PERFMON"),
                 "run as root (sudo), or give the program the two: setcap cap_bpf,cap_perfmon=ep; or run "
                 "with --no-trace");
  }
  if (!kernel.kernel_btf) {
    return lacks(
        "the kernel has no BTF: /sys/kernel/btf/vmlinux cannot be read",
        "use a kernel built with CONFIG_DEBUG_INFO_BTF (Debian's and Ubuntu's are), or run with --no-trace");
  }
  if (kernel.isa == Isa::none) {
    return lacks("neither kvm_amd nor kvm_intel is loaded",
                 "load one (modprobe kvm_amd or kvm_intel), or use an emulated machine: ./dev lab");
  }
  if (!kernel.kvm_btf) {
    return lacks(fmt::format("the kernel has no BTF of the kvm modules: /sys/kernel/btf/kvm, {}",
                             vendor_module(kernel.isa)),
                 "use a kernel built with CONFIG_DEBUG_INFO_BTF_MODULES, or run with --no-trace");
  }
  return {};
}

Status check_tracepoints(const KernelSupport& kernel, ProbeMode mode) {
  for (const ProbedTracepoint& tracepoint : probed_tracepoints(mode)) {
    if (tracepoint.required && !kernel.has_tracepoint(tracepoint.name)) {
      return lacks(fmt::format("this kernel ({}) has no tracepoint {}", kernel.release, tracepoint.name),
                   "use a kernel with CONFIG_TRACEPOINTS and KVM's tracepoints, or run with --no-trace");
    }
  }
  return {};
}

Status check_classic_exit(const KernelSupport& kernel, Rights rights) {
  switch (kernel.classic_exit) {
    case ClassicExit::attachable:
      return {};
    case ClassicExit::other_record:
      return lacks("the record of the classic tracepoint kvm_exit lacks fields on this kernel",
                   "use light probes (--light)");
    case ClassicExit::no_tracefs:
      return lacks("tracefs is not mounted, which the classic tracepoint kvm_exit needs",
                   "as root: mount -t tracefs tracefs /sys/kernel/tracing");
    case ClassicExit::no_event:
      return lacks("tracefs has no event kvm/kvm_exit", "use a kernel with CONFIG_EVENT_TRACING");
    case ClassicExit::not_readable:
      if (rights == Rights::root) return {};
      return lacks("tracefs is not readable for you, which the classic tracepoint kvm_exit needs",
                   "run as root (sudo), or let a group read it, as root: mount -o remount,gid=GROUP,mode=750 "
                   "/sys/kernel/tracing");
    case ClassicExit::no_perf_event:
      if (rights == Rights::root) return {};
      return lacks(
          "perf_event_open(2) refuses you the classic tracepoint kvm_exit (kernel.perf_event_paranoid)",
          "run as root (sudo), or, as root: sysctl kernel.perf_event_paranoid=2");
  }
  return {};
}

Status check_light(const KernelSupport& kernel) {
  if (kernel.light_lacks.empty()) return {};
  return lacks(
      fmt::format("light probes do not work on this kernel ({}): {}", kernel.release, kernel.light_lacks),
      "use full probes: leave out --light");
}

Status check_needs_of(const KernelSupport& kernel, ProbeMode mode, Rights rights) {
  switch (mode) {
    case ProbeMode::svm:
      return {};
    case ProbeMode::vmx_complete:
      return check_classic_exit(kernel, rights);
    case ProbeMode::vmx_light:
      return check_light(kernel);
  }
  return {};
}

}  // namespace

std::vector<ProbeMode> modes_of(Isa isa) {
  if (isa == Isa::vmx) return {ProbeMode::vmx_complete, ProbeMode::vmx_light};
  return {ProbeMode::svm};
}

Status check_mode(const KernelSupport& kernel, ProbeMode mode, Rights rights) {
  TRAPLINE_TRY(check_common(kernel, rights));
  TRAPLINE_TRY(check_needs_of(kernel, mode, rights));
  return check_tracepoints(kernel, mode);
}

Status check_recording_possible(const KernelSupport& kernel) {
  TRAPLINE_TRY(check_common(kernel, Rights::own));
  if (kernel.isa == Isa::vmx) {
    const Status full = check_classic_exit(kernel, Rights::own);
    if (const Status light = check_light(kernel); !full && !light) {
      return lacks(fmt::format("exit reasons cannot be read on this kernel with your rights: {}; {}",
                               full.error().what, light.error().what),
                   full.error().remedy);
    }
  }
  return check_tracepoints(kernel, kernel.best_mode());
}

}  // namespace trapline::tracer
