#include "tracer/recorder/kernel_support.h"

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
#include "tracer/recorder/kernel_btf.h"

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

// The kernel's build leaves a typedef btf_trace_<name> for every tracepoint: a pointer to a function that
// takes the arguments after a void*.
bool tracepoint_takes(const KernelBtf::Found& found, std::string_view arguments) {
  const btf_type* pointer = KernelBtf::plain(found.types, found.type->type);
  const btf_type* function =
      pointer != nullptr && btf_is_ptr(pointer) ? KernelBtf::plain(found.types, pointer->type) : nullptr;
  if (function == nullptr || !btf_is_func_proto(function) || btf_vlen(function) < arguments.size() + 1)
    return false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const btf_type* type = KernelBtf::plain(found.types, btf_params(function)[i + 1].type);
    if (type == nullptr) return false;
    if (arguments[i] != 'v') {
      const std::uint32_t size = btf_is_ptr(type) ? 8 : type->size;
      if (size != static_cast<std::uint32_t>(arguments[i] - '0')) return false;
      continue;
    }
    const btf_type* to = btf_is_ptr(type) ? KernelBtf::plain(found.types, type->type) : nullptr;
    if (to == nullptr || std::string_view(btf__name_by_offset(found.types, to->name_off)) != "kvm_vcpu")
      return false;
  }
  return true;
}

bool has_tracepoint(const KernelBtf& btf, const ProbedTracepoint& wanted) {
  const auto found = btf.find(fmt::format("btf_trace_{}", wanted.name), BTF_KIND_TYPEDEF);
  return found && tracepoint_takes(*found, wanted.arguments);
}

bool has_members(const KernelBtf& btf, std::string_view structure,
                 std::initializer_list<std::string_view> members) {
  const auto found = btf.find(structure, BTF_KIND_STRUCT);
  return found && std::ranges::all_of(members, [&](std::string_view member) {
           return KernelBtf::member(found->types, found->type, member).has_value();
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
  return kernel.vcpu_vmx_fields ? ProbeMode::vmx_light : ProbeMode::vmx_complete;
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
  const KernelBtf btf = KernelBtf::read(vendor_module(found.isa));
  if (!btf.kernel) return;
  found.rdonly_cast = btf__find_by_name_kind(btf.kernel.get(), "bpf_rdonly_cast", BTF_KIND_FUNC) > 0;
  const int timespec64 = btf__find_by_name_kind(btf.kernel.get(), "timespec64", BTF_KIND_STRUCT);
  found.timespec64_btf_id = static_cast<std::uint32_t>(std::max(timespec64, 0));
  found.rdonly_cast = found.rdonly_cast && timespec64 > 0;
  found.fprobe = btf.find("bpf_kprobe_multi_link", BTF_KIND_STRUCT).has_value();
  found.kvm_btf = (btf.kvm && btf.vendor) || btf.find("btf_trace_kvm_entry", BTF_KIND_TYPEDEF);
  if (found.isa == Isa::vmx) {
    found.classic_exit = tracefs_has("kvm/kvm_exit") &&
                         has_members(btf, "trace_event_raw_kvm_exit",
                                     {"exit_reason", "guest_rip", "info1", "info2", "intr_info"});
    found.vcpu_vmx_fields =
        has_tracepoint(btf, {"kvm_exit", "on_vmx_exit_light", true, "v"}) &&
        has_members(btf, "vcpu_vmx",
                    {"exit_reason", "exit_qualification", "exit_intr_info", "idt_vectoring_info"});
  }
  for (const VmScope scope : {VmScope::own, VmScope::any}) {
    for (const ProbedTracepoint& tracepoint : probed_tracepoints(found.best_mode(), scope)) {
      if (!found.has_tracepoint(tracepoint.name) && has_tracepoint(btf, tracepoint))
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

Status check_recording_possible(const KernelSupport& kernel) {
  const auto lacks = [](std::string what, std::string remedy) {
    return fail(std::move(what), std::move(remedy), ExitStatus::machine_lacks);
  };
  if (kernel.lockdown == "confidentiality") {
    return lacks("the kernel is locked down (confidentiality): BPF may not read kernel memory",
                 "boot without lockdown=confidentiality, or run with --no-trace");
  }
  if (!kernel.cap_bpf || !kernel.cap_perfmon) {
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
