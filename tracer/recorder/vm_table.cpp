#include "tracer/recorder/vm_table.h"

#include <sys/mman.h>

#include <atomic>
#include <cstring>

namespace trapline::tracer {
namespace {

template <typename T>
T* at(const Mapping& mapping, std::uint32_t number) {
  return reinterpret_cast<T*>(mapping.data()) + number;
}

template <typename T>
VmTable::Entry entry_of(T* place) {
  if (std::atomic_ref(place->seen_ns).load(std::memory_order_acquire) == 0) return VmTable::Entry::filling;
  return place->unused != 0 ? VmTable::Entry::unused : VmTable::Entry::ready;
}

}  // namespace

Result<VmTable> VmTable::map(int vms_fd, int vcpus_fd) {
  TRAPLINE_ASSIGN(vms, Mapping::of_file(vms_fd, whole_pages(sizeof(trl_vm) * TRL_VMS), PROT_READ | PROT_WRITE,
                                        MAP_SHARED, "the table of VMs"));
  TRAPLINE_ASSIGN(vcpus, Mapping::of_file(vcpus_fd, whole_pages(sizeof(trl_vcpu) * TRL_VCPUS),
                                          PROT_READ | PROT_WRITE, MAP_SHARED, "the table of vCPUs"));
  return VmTable(std::move(vms), std::move(vcpus));
}

VmTable::Entry VmTable::vm_entry(std::uint32_t number) const {
  return entry_of(at<trl_vm>(vms_, number));
}
VmTable::Entry VmTable::vcpu_entry(std::uint32_t number) const {
  return entry_of(at<trl_vcpu>(vcpus_, number));
}
const trl_vm& VmTable::vm(std::uint32_t number) const {
  return *at<trl_vm>(vms_, number);
}
const trl_vcpu& VmTable::vcpu(std::uint32_t number) const {
  return *at<trl_vcpu>(vcpus_, number);
}
std::uint32_t VmTable::tid_of_vcpu(std::uint32_t number) const {
  return std::atomic_ref(at<trl_vcpu>(vcpus_, number)->tid).load(std::memory_order_relaxed);
}

VmName VmTable::name_of(std::uint32_t vm_number) const {
  const trl_vm& entry = vm(vm_number);
  const std::string comm(entry.comm, ::strnlen(entry.comm, sizeof entry.comm));
  return name_of_vm(static_cast<pid_t>(entry.tgid), comm);
}

}  // namespace trapline::tracer
