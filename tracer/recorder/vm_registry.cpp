#include "tracer/recorder/vm_registry.h"

namespace trapline::tracer {
namespace {

constexpr std::uint32_t kNotWritten = ~std::uint32_t{0};

}  // namespace

Result<VmRegistry> VmRegistry::map(const ProbesObject& object) {
  TRAPLINE_ASSIGN(table, VmTable::map(object.vms_fd(), object.vcpus_fd()));
  return VmRegistry(std::move(table));
}

Status VmRegistry::write_new(const ProbesObject& object, recording::RecordingWriter& writer) {
  // vCPUs first: a VM has its number before they have theirs.
  const std::uint32_t vcpus = object.vcpus_numbered();
  tids_.resize(vcpus, kNotWritten);
  for (const std::uint32_t vms = object.vms_numbered(); next_vm_ < vms; ++next_vm_) {
    const VmTable::Entry entry = table_.vm_entry(next_vm_);
    if (entry == VmTable::Entry::filling) break;
    if (entry == VmTable::Entry::unused) continue;
    const VmName name = table_.name_of(next_vm_);
    const trl_vm& vm = table_.vm(next_vm_);
    TRAPLINE_TRY(writer.write(recording::Vm{HostNs{vm.seen_ns}, static_cast<std::uint16_t>(next_vm_), vm.tgid,
                                            name.by, name.text}));
    ++vms_seen_;
  }
  for (std::uint32_t number = 0; number < vcpus; ++number) {
    std::uint32_t& written = tids_[number];
    if (table_.vcpu_entry(number) != VmTable::Entry::ready) continue;
    const std::uint32_t tid = table_.tid_of_vcpu(number);
    if (tid == written) continue;
    const trl_vcpu& vcpu = table_.vcpu(number);
    recording::VcpuStarted fact;
    fact.at = HostNs{vcpu.seen_ns};
    fact.vcpu = static_cast<std::uint16_t>(number);
    fact.tid = tid;
    fact.vm = vcpu.vm;
    fact.vcpu_id = vcpu.vcpu_id;
    TRAPLINE_TRY(writer.write(fact));
    vcpus_seen_ += written == kNotWritten ? 1 : 0;
    written = tid;
  }
  return {};
}

}  // namespace trapline::tracer
