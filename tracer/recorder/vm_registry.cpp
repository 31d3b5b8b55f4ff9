#include "tracer/recorder/vm_registry.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <string>

#include "tracer/discover/vm_name.h"

namespace trapline::tracer {
namespace {

constexpr std::uint32_t kNotWritten = ~std::uint32_t{0};

// Not where the probes are still filling it in, or it was one number too many.
template <typename Entry>
bool is_ready(Entry* entry) {
  return std::atomic_ref(entry->seen_ns).load(std::memory_order_acquire) != 0 && entry->unused == 0;
}

}  // namespace

Result<VmRegistry> VmRegistry::map(const ProbesObject& object) {
  TRAPLINE_ASSIGN(vms, Mapping::of_file(object.vms_fd(), whole_pages(sizeof(trl_vm) * TRL_VMS),
                                        PROT_READ | PROT_WRITE, MAP_SHARED, "the table of VMs"));
  TRAPLINE_ASSIGN(vcpus, Mapping::of_file(object.vcpus_fd(), whole_pages(sizeof(trl_vcpu) * TRL_VCPUS),
                                          PROT_READ | PROT_WRITE, MAP_SHARED, "the table of vCPUs"));
  return VmRegistry(std::move(vms), std::move(vcpus));
}

Status VmRegistry::write_new(const ProbesObject& object, recording::RecordingWriter& writer) {
  // vCPUs first: a VM has its number before they have theirs.
  const std::uint32_t vcpus = object.vcpus_numbered();
  tids_.resize(vcpus, kNotWritten);
  for (const std::uint32_t vms = object.vms_numbered(); next_vm_ < vms; ++next_vm_) {
    trl_vm* entry = vm(next_vm_);
    if (std::atomic_ref(entry->seen_ns).load(std::memory_order_acquire) == 0) break;
    if (entry->unused != 0) continue;
    const std::string comm(entry->comm, ::strnlen(entry->comm, sizeof entry->comm));
    const VmName name = name_of_vm(static_cast<pid_t>(entry->tgid), comm);
    TRAPLINE_TRY(writer.write(recording::Vm{HostNs{entry->seen_ns}, static_cast<std::uint16_t>(next_vm_),
                                            entry->tgid, name.by, name.text}));
    ++vms_seen_;
  }
  for (std::uint32_t number = 0; number < vcpus; ++number) {
    trl_vcpu* entry = vcpu(number);
    std::uint32_t& written = tids_[number];
    if (!is_ready(entry)) continue;
    const std::uint32_t tid = std::atomic_ref(entry->tid).load(std::memory_order_relaxed);
    if (tid == written) continue;
    recording::VcpuStarted fact;
    fact.at = HostNs{entry->seen_ns};
    fact.vcpu = static_cast<std::uint16_t>(number);
    fact.tid = tid;
    fact.vm = entry->vm;
    fact.vcpu_id = entry->vcpu_id;
    TRAPLINE_TRY(writer.write(fact));
    vcpus_seen_ += written == kNotWritten ? 1 : 0;
    written = tid;
  }
  return {};
}

}  // namespace trapline::tracer
