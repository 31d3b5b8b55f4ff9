#include "tracer/recorder/kernel_support.h"

#include <bpf/btf.h>
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <span>

#include "base/file.h"

namespace trapline::tracer {
namespace {

using Btf = std::unique_ptr<btf, decltype(&btf__free)>;

// Capability numbers of <linux/capability.h>; CAP_BPF and CAP_PERFMON are there since Linux 5.8.
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

Btf load_module_btf(const char* module, btf* base) {
  return {btf__load_module_btf(module, base), btf__free};
}

// The kernel's build leaves a typedef btf_trace_<name> for every tracepoint.
bool btf_has_tracepoint(const btf* types, std::string_view name) {
  const std::string type = fmt::format("btf_trace_{}", name);
  return types != nullptr && btf__find_by_name_kind(types, type.c_str(), BTF_KIND_TYPEDEF) > 0;
}

// Modules' BTF ends with the kernel's own (the base it was loaded on): types are found in either.
bool btf_has_members(const btf* types, const char* structure,
                     std::initializer_list<std::string_view> members) {
  if (types == nullptr) return false;
  const int id = btf__find_by_name_kind(types, structure, BTF_KIND_STRUCT);
  if (id <= 0) return false;
  const btf_type* type = btf__type_by_id(types, static_cast<std::uint32_t>(id));
  const std::span all(btf_members(type), btf_vlen(type));
  return std::ranges::all_of(members, [&](std::string_view wanted) {
    return std::ranges::any_of(
        all, [&](const btf_member& member) { return btf__name_by_offset(types, member.name_off) == wanted; });
  });
}

// Where libbpf looks for a classic tracepoint.
bool tracefs_has(std::string_view event) {
  for (const std::string_view root : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
    if (::access(fmt::format("{}/events/{}/id", root, event).c_str(), R_OK) == 0) return true;
  }
  return false;
}

}  // namespace

bool KernelSupport::has_tracepoint(std::string_view name) const {
  return std::find(tracepoints.begin(), tracepoints.end(), name) != tracepoints.end();
}

ProbeMode KernelSupport::best_mode() const {
  if (isa != Isa::vmx) return ProbeMode::svm;
  return classic_exit ? ProbeMode::vmx_complete : ProbeMode::vmx_light;
}

std::string_view probe_mode_name(ProbeMode mode) {
  return mode == ProbeMode::vmx_light ? "light" : "full";
}

std::vector<ProbedTracepoint> probed_tracepoints(ProbeMode mode) {
  std::vector<ProbedTracepoint> table = {
      {"sched_process_exit", "on_thread_end", true},
      {"sched_switch", "on_sched_switch", true},
      {"sched_waking", "on_sched_waking", true},
      {"kvm_vcpu_wakeup", "on_vcpu_wakeup", false},
      {"kvm_halt_poll_ns", "on_halt_poll_ns", false},
      {"kvm_set_irq", "on_set_irq", false},
      {"kvm_msi_set_irq", "on_msi_set_irq", false},
      {"kvm_apic_accept_irq", "on_accept_irq", false},
      {"kvm_apicv_accept_irq", "on_posted_accept_irq", false},
      {"kvm_eoi", "on_eoi", false},
      {"kvm_pv_eoi", "on_pv_eoi", false},
      {"kvm_write_tsc_offset", "on_write_tsc_offset", true},
      {"kvm_userspace_exit", "on_userspace_exit", true},
  };
  if (mode == ProbeMode::svm) {
    table.insert(table.end(), {{"kvm_exit", "on_svm_exit", true}, {"kvm_entry", "on_svm_entry", true}});
    return table;
  }
  table.insert(
      table.end(),
      {{"kvm_page_fault", "on_vmx_page_fault", false},
       {"kvm_mmio", "on_vmx_mmio", false},
       {"kvm_fast_mmio", "on_vmx_fast_mmio", false},
       {"kvm_exit", mode == ProbeMode::vmx_light ? "on_vmx_exit_light" : "on_vmx_exit_complete", true},
       {"kvm_entry", "on_vmx_entry", true}});
  return table;
}

KernelSupport look_at_kernel() {
  KernelSupport found;
  utsname name{};
  if (::uname(&name) == 0) found.release = name.release;
  found.isa = module_loaded("kvm_amd") ? Isa::svm : module_loaded("kvm_intel") ? Isa::vmx : Isa::none;

  const std::uint64_t capabilities = effective_capabilities();
  found.cap_bpf = (capabilities >> kCapBpf & 1) != 0;
  found.cap_perfmon = (capabilities >> kCapPerfmon & 1) != 0;
  found.cap_sys_admin = (capabilities >> kCapSysAdmin & 1) != 0;
  found.lockdown = lockdown_mode();

  found.kernel_btf = ::access("/sys/kernel/btf/vmlinux", R_OK) == 0;
  if (!found.kernel_btf) return found;
  const Btf kernel(btf__load_vmlinux_btf(), btf__free);
  if (!kernel) return found;
  found.rdonly_cast = btf__find_by_name_kind(kernel.get(), "bpf_rdonly_cast", BTF_KIND_FUNC) > 0;
  const Btf kvm = load_module_btf("kvm", kernel.get());
  const Btf vendor = load_module_btf(found.isa == Isa::vmx ? "kvm_intel" : "kvm_amd", kernel.get());
  found.kvm_btf = (kvm && vendor) || btf_has_tracepoint(kernel.get(), "kvm_entry");
  if (found.isa == Isa::vmx) {
    found.classic_exit = tracefs_has("kvm/kvm_exit") &&
                         btf_has_members(kvm.get(), "trace_event_raw_kvm_exit",
                                         {"exit_reason", "guest_rip", "info1", "info2", "intr_info"});
    found.vcpu_vmx_fields =
        btf_has_members(vendor.get(), "vcpu_vmx",
                        {"exit_reason", "exit_qualification", "exit_intr_info", "idt_vectoring_info"});
  }
  for (const ProbedTracepoint& tracepoint : probed_tracepoints(found.best_mode())) {
    if (btf_has_tracepoint(kernel.get(), tracepoint.name) || btf_has_tracepoint(kvm.get(), tracepoint.name)) {
      found.tracepoints.emplace_back(tracepoint.name);
    }
  }
  return found;
}

Status check_recording_possible(const KernelSupport& kernel) {
  const auto lacks = [](std::string what, std::string remedy) {
    return fail(std::move(what), std::move(remedy), ExitStatus::machine_lacks);
  };
  if (kernel.lockdown == "confidentiality") {
    return lacks("the kernel is locked down (confidentiality): BPF may not read kernel memory",
                 "boot without lockdown=confidentiality, or run with --no-trace");
  }
  // Iterating BTF objects of modules, which tp_btf on kvm.ko needs, takes CAP_SYS_ADMIN
  // (bpf_btf_get_next_id).
  if (!kernel.cap_bpf || !kernel.cap_perfmon || !kernel.cap_sys_admin) {
    return lacks(
        fmt::format("no right to load the probes:{}{}{} missing", kernel.cap_bpf ? "" : " CAP_BPF",
                    kernel.cap_perfmon ? "" : " CAP_PERFMON", kernel.cap_sys_admin ? "" : " CAP_SYS_ADMIN"),
        "run as root (sudo), or run with --no-trace");
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
                             kernel.isa == Isa::vmx ? "kvm_intel" : "kvm_amd"),
                 "use a kernel built with CONFIG_DEBUG_INFO_BTF_MODULES, or run with --no-trace");
  }
  if (kernel.isa == Isa::vmx && !kernel.classic_exit && !kernel.vcpu_vmx_fields) {
    return lacks(
        "nothing tells what an exit was: no classic tracepoint kvm_exit, and this kernel's struct vcpu_vmx "
        "is of "
        "another shape",
        "mount tracefs: mount -t tracefs tracefs /sys/kernel/tracing");
  }
  for (const ProbedTracepoint& tracepoint : probed_tracepoints(kernel.best_mode())) {
    if (tracepoint.required && !kernel.has_tracepoint(tracepoint.name)) {
      return lacks(fmt::format("this kernel ({}) has no tracepoint {}", kernel.release, tracepoint.name),
                   "use a kernel with CONFIG_TRACEPOINTS and KVM's tracepoints, or run with --no-trace");
    }
  }
  return {};
}

}  // namespace trapline::tracer
