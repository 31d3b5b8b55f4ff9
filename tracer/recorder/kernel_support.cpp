#include "tracer/recorder/kernel_support.h"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "base/file.h"
#include "tracer/recorder/kernel_btf.h"
#include "tracer/recorder/tracepoint_arguments.h"

namespace trapline::tracer {
namespace {

// Capability numbers of <linux/capability.h>; CAP_BPF and CAP_PERFMON are there since Linux 5.8.
constexpr unsigned kCapSysPtrace = 19;
constexpr unsigned kCapSysAdmin = 21;
constexpr unsigned kCapPerfmon = 38;
constexpr unsigned kCapBpf = 39;

bool module_loaded(std::string_view name) {
  std::error_code error;
  return std::filesystem::exists(std::filesystem::path("/sys/module") / name, error);
}

std::uint64_t effective_capabilities() {
  const auto status = read_text_file("/proc/self/status");
  constexpr std::string_view key = "CapEff:\t";
  if (!status) return 0;
  const auto at = status->find(key);
  if (at == std::string::npos) return 0;
  std::uint64_t value = 0;
  std::from_chars(status->data() + at + key.size(), status->data() + status->size(), value, 16);
  return value;
}

// "none [integrity] confidentiality" -> "integrity".
std::string lockdown_mode() {
  const auto text = read_text_file("/sys/kernel/security/lockdown");
  if (!text) return {};
  const auto open = text->find('[');
  const auto close = text->find(']');
  return open == std::string::npos || close == std::string::npos ? std::string{}
                                                                 : text->substr(open + 1, close - open - 1);
}

}  // namespace

bool KernelSupport::has_tracepoint(std::string_view name) const {
  return std::find(tracepoints.begin(), tracepoints.end(), name) != tracepoints.end();
}

ProbeMode KernelSupport::best_mode() const {
  if (isa != Isa::vmx) return ProbeMode::svm;
  return classic_exit == ClassicExit::attachable ? ProbeMode::vmx_complete : ProbeMode::vmx_light;
}

FollowBy KernelSupport::follow_by() const {
  if (cap_sys_admin && !functions.empty()) return FollowBy::fentry;
  return fprobe ? FollowBy::fprobe : FollowBy::nothing;
}

bool KernelSupport::has_function(std::string_view name) const {
  return std::find(functions.begin(), functions.end(), name) != functions.end();
}

const char* vendor_module(Isa isa) {
  return isa == Isa::vmx ? "kvm_intel" : "kvm_amd";
}

std::string_view probe_mode_name(ProbeMode mode) {
  return mode == ProbeMode::vmx_light ? "light" : "full";
}

std::vector<ProbedTracepoint> probed_tracepoints(ProbeMode mode, VmScope scope) {
  std::vector<ProbedTracepoint> table = {
      {"sched_process_exit", "on_thread_end", true, "8"},
      {"sched_switch", "on_sched_switch", true, "188"},
      {"sched_waking", "on_sched_waking", true, "8"},
      {"kvm_vcpu_wakeup", "on_vcpu_wakeup", false, "811"},
      {"kvm_halt_poll_ns", "on_halt_poll_ns", false, "1444"},
      {"kvm_set_irq", "on_set_irq", false, "444"},
      {"kvm_msi_set_irq", "on_msi_set_irq", false, "88"},
      {"kvm_apic_accept_irq", "on_accept_irq", false, "4221"},
      {"kvm_apicv_accept_irq", "on_posted_accept_irq", false, "4221"},
      {"kvm_eoi", "on_eoi", false, "84"},
      {"kvm_pv_eoi", "on_pv_eoi", false, "84"},
      {"kvm_userspace_exit", "on_userspace_exit", true, "44"},
  };
  if (scope == VmScope::own)
    table.push_back({"kvm_write_tsc_offset", "on_write_tsc_offset", true, "488"});
  else
    table.push_back({"kvm_fpu", "on_fpu", false, "4"});
  if (mode == ProbeMode::svm) {
    table.insert(table.end(),
                 {{"kvm_exit", "on_svm_exit", true, "v"}, {"kvm_entry", "on_svm_entry", true, "v"}});
    return table;
  }
  const bool light = mode == ProbeMode::vmx_light;
  table.insert(table.end(),
               {{"kvm_page_fault", "on_vmx_page_fault", false, "v8"},
                {"kvm_mmio", "on_vmx_mmio", false, "448"},
                {"kvm_fast_mmio", "on_vmx_fast_mmio", false, "8"},
                {"kvm_exit", light ? "on_vmx_exit_light" : "on_vmx_exit_complete", true, light ? "v" : ""},
                {"kvm_entry", "on_vmx_entry", true, "v"}});
  return table;
}

std::vector<ProbedTracepoint> live_tracepoints(ProbeMode mode) {
  constexpr std::string_view kNames[] = {
      "sched_process_exit", "kvm_apic_accept_irq", "kvm_apicv_accept_irq", "kvm_userspace_exit", "kvm_exit",
      "kvm_entry"};
  std::vector<ProbedTracepoint> table = probed_tracepoints(mode, VmScope::any);
  std::erase_if(table, [&](const ProbedTracepoint& row) {
    return std::ranges::find(kNames, row.name) == std::end(kNames);
  });
  return table;
}

ProbeMode live_mode(const KernelSupport& kernel) {
  if (kernel.isa != Isa::vmx) return ProbeMode::svm;
  return kernel.light_lacks.empty() ? ProbeMode::vmx_light : ProbeMode::vmx_complete;
}

std::vector<FollowedFunction> followed_functions() {
  return {
      {"kvm_set_irq", "on_kvm_set_irq_begins", "on_kvm_set_irq_ends", "on_raise_for_first", "on_raise_ends"},
      {"kvm_set_msi", "on_kvm_set_msi_begins", "on_kvm_set_msi_ends", "on_raise_for_second", "on_raise_ends"},
      {"kvm_arch_set_irq_inatomic", "on_kvm_arch_set_irq_inatomic_begins",
       "on_kvm_arch_set_irq_inatomic_ends", "on_raise_for_second", "on_raise_ends"},
      {"kvm_arch_destroy_vm", "on_vm_ends", "", "on_vm_ends_by_fprobe", ""},
  };
}

namespace {

void look_at_btf(KernelSupport& found) {
  found.btf = std::make_shared<const KernelBtf>(KernelBtf::read(vendor_module(found.isa)));
  const KernelBtf& btf = *found.btf;
  if (!btf.kernel) return;
  found.rdonly_cast = btf.find("bpf_rdonly_cast", BTF_KIND_FUNC).has_value();
  const int timespec64 = btf__find_by_name_kind(btf.kernel.get(), "timespec64", BTF_KIND_STRUCT);
  found.timespec64_btf_id = static_cast<std::uint32_t>(std::max(timespec64, 0));
  found.rdonly_cast = found.rdonly_cast && timespec64 > 0;
  found.fprobe = btf.find("bpf_kprobe_multi_link", BTF_KIND_STRUCT).has_value();
  found.kvm_btf = (btf.kvm && btf.vendor) || btf.find("btf_trace_kvm_entry", BTF_KIND_TYPEDEF);
  if (found.isa == Isa::vmx) {
    found.classic_exit = find_classic_exit(btf, found.cap_sys_admin);
    found.light_lacks = light_lacks(btf);
  }
  for (const VmScope scope : {VmScope::own, VmScope::any}) {
    for (const ProbedTracepoint& tracepoint : probed_tracepoints(found.best_mode(), scope)) {
      if (!found.has_tracepoint(tracepoint.name) &&
          tracepoint_takes(btf, tracepoint.name, tracepoint.arguments))
        found.tracepoints.emplace_back(tracepoint.name);
    }
  }
  for (const FollowedFunction& function : followed_functions()) {
    if (btf.find(function.name, BTF_KIND_FUNC)) found.functions.emplace_back(function.name);
  }
}

}  // namespace

KernelSupport look_at_kernel() {
  KernelSupport found;
  utsname name{};
  if (::uname(&name) == 0) found.release = name.release;
  found.isa = module_loaded("kvm_amd") ? Isa::svm : module_loaded("kvm_intel") ? Isa::vmx : Isa::none;

  const std::uint64_t capabilities = effective_capabilities();
  found.cap_bpf = (capabilities >> kCapBpf & 1) != 0;
  found.cap_perfmon = (capabilities >> kCapPerfmon & 1) != 0;
  found.cap_sys_admin = (capabilities >> kCapSysAdmin & 1) != 0;
  found.cap_sys_ptrace = (capabilities >> kCapSysPtrace & 1) != 0;
  found.lockdown = lockdown_mode();

  found.kernel_btf = ::access("/sys/kernel/btf/vmlinux", R_OK) == 0;
  if (found.kernel_btf) look_at_btf(found);
  return found;
}

}  // namespace trapline::tracer
