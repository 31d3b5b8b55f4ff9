#include "vmm/machine/machine.h"

#include <cpuid.h>
#include <fmt/format.h>

#include <algorithm>

#include "vmm/machine/boot.h"
#include "vmm/machine/layout.h"
#include "vmm/paths/paths.h"
#include "vmm/paths/workloads.h"

namespace trapline::vmm {

namespace {

Status check(const MachineConfig& config, const DeliveryPath& path) {
  if (config.vcpus < 1 || config.vcpus > GUEST_MAX_VCPUS) {
    return fail(fmt::format("{} vCPUs are not possible", config.vcpus),
                fmt::format("use 1 to {}", GUEST_MAX_VCPUS), ExitStatus::wrong_usage);
  }
  if (config.workloads.empty())
    return fail("no workload is named", "name at least one", ExitStatus::wrong_usage);
  for (const WorkloadRun& run : config.workloads) {
    if (const auto reason = path.cannot_run(run.workload)) {
      return fail(fmt::format("delivery path {} cannot run {}: {}", config.path, workload_name(run.workload),
                              *reason),
                  {}, ExitStatus::wrong_usage);
    }
    const bool needs_two =
        run.workload == GUEST_WORKLOAD_IPI || run.workload == GUEST_WORKLOAD_NEVER_ANSWERED;
    if (needs_two && config.vcpus < 2) {
      return fail("workload ipi needs a vCPU to send to", "give the machine two (--vcpus 2)",
                  ExitStatus::wrong_usage);
    }
  }
  return {};
}

// Which instruction is the processor's hypercall.
bool is_intel() {
  unsigned leaf = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid(0, &leaf, &ebx, &ecx, &edx) != 0 && ebx == signature_INTEL_ebx;
}

template <typename To>
std::uint32_t in(std::chrono::microseconds delay) {
  constexpr std::int64_t kMax = std::numeric_limits<std::uint32_t>::max();
  const std::int64_t value = std::chrono::duration_cast<To>(delay).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(value, 0, kMax));
}

Result<std::uint64_t> write_boot_memory(const GuestMemory& memory, const KernelImage& image,
                                        const MachineConfig& config, guest_platform platform) {
  std::vector<guest_workload_request> requests;
  for (const WorkloadRun& run : config.workloads) {
    requests.push_back({static_cast<std::uint32_t>(run.workload), run.count});
  }
  return write_boot_memory(memory, image,
                           {.workloads = requests,
                            .vcpus = config.vcpus,
                            .flags = (config.stamps ? std::uint32_t{GUEST_FLAG_STAMPS} : 0) |
                                     (config.greet ? std::uint32_t{GUEST_FLAG_GREET} : 0) |
                                     (is_intel() ? std::uint32_t{GUEST_FLAG_VMCALL} : 0),
                            .ring_stamps = config.ring_stamps,
                            .timer_ns = in<std::chrono::nanoseconds>(config.timer_delay),
                            .doorbell_us = in<std::chrono::microseconds>(config.doorbell_delay),
                            .platform = platform});
}

// What the host's KVM can offer, with x2APIC, which KVM always has but reports only where it was asked (CPUID
// leaf 1, ECX bit 21): the initial APIC base needs it.
Result<std::vector<kvm_cpuid_entry2>> guest_cpuid(const Kvm& kvm) {
  constexpr std::uint32_t kX2apic = std::uint32_t{1} << 21;
  TRAPLINE_ASSIGN(entries, kvm.supported_cpuid());
  for (kvm_cpuid_entry2& entry : entries) {
    if (entry.function == 1) entry.ecx |= kX2apic;
  }
  return std::move(entries);
}

}  // namespace

Machine::Machine(MachineConfig config, KernelImage image, std::unique_ptr<DeliveryPath> path,
                 GuestMemory memory, std::uint64_t page_table_root, Vm vm)
    : config_(std::move(config)),
      image_(std::move(image)),
      path_(std::move(path)),
      memory_(std::move(memory)),
      page_table_root_(page_table_root),
      vm_(std::move(vm)) {}

Result<Machine> Machine::create(const Kvm& kvm, MachineConfig config) {
  TRAPLINE_ASSIGN(entry, find_path(config.path));
  auto path = entry->create();
  TRAPLINE_TRY(check(config, *path));
  TRAPLINE_ASSIGN(image, KernelImage::parse(nano_kernel_file()));
  TRAPLINE_ASSIGN(memory, GuestMemory::create(guest_memory_bytes(config.vcpus)));
  TRAPLINE_ASSIGN(page_table_root, write_boot_memory(memory, image, config, path->platform()));
  TRAPLINE_TRY(path->prepare_kernel(memory, image));
  TRAPLINE_TRY(path->write_tables(memory, image, config.vcpus));

  TRAPLINE_ASSIGN(vm, kvm.create_vm());
  TRAPLINE_TRY(vm.set_tss_address(kTssAddress));
  TRAPLINE_TRY(path->prepare_vm(vm));
  TRAPLINE_TRY(vm.set_memory_region(0, 0, memory.bytes()));
  Machine machine(std::move(config), std::move(image), std::move(path), std::move(memory), page_table_root,
                  std::move(vm));
  for (std::uint32_t i = 0; i < machine.config_.vcpus; ++i) {
    TRAPLINE_TRY(machine.create_vcpu(kvm));
  }
  return machine;
}

Status Machine::create_vcpu(const Kvm& kvm) {
  const auto id = static_cast<std::uint32_t>(vcpus_.size());
  TRAPLINE_ASSIGN(vcpu, vm_.create_vcpu(id));
  TRAPLINE_ASSIGN(cpuid, guest_cpuid(kvm));
  TRAPLINE_TRY(vcpu.set_cpuid(cpuid));
  VcpuState state{};
  TRAPLINE_ASSIGN(sregs, vcpu.sregs());
  state.sregs = sregs;
  path_->initial_state(image_, page_table_root_, id, state);
  TRAPLINE_TRY(vcpu.set_sregs(state.sregs));
  TRAPLINE_TRY(vcpu.set_regs(state.regs));
  TRAPLINE_TRY(vcpu.set_msrs(state.msrs));
  TRAPLINE_TRY(path_->prepare_vcpu(id, vcpu));
  TRAPLINE_ASSIGN(stats, vcpu.open_stats());
  vcpus_.push_back(std::move(vcpu));
  stats_.push_back(std::move(stats));
  return {};
}

}  // namespace trapline::vmm
