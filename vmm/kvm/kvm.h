// /dev/kvm itself. Kvm makes a Vm, a Vm makes Vcpus; each owns its descriptor and needs none of the others to
// live. The calls are those of Documentation/virt/kvm/api.rst, named after them.
#pragma once

#include <linux/kvm.h>

#include <cstddef>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "vmm/kvm/vm.h"

namespace trapline::vmm {

class Kvm {
 public:
  // Fails with ExitStatus::machine_lacks and the remedy where there is no usable KVM.
  static Result<Kvm> open(const std::string& device = "/dev/kvm");

  // KVM_CHECK_EXTENSION: 0 when the capability is missing, otherwise its value.
  [[nodiscard]] Result<int> check_extension(int capability) const;
  [[nodiscard]] Result<std::vector<kvm_cpuid_entry2>> supported_cpuid() const;
  [[nodiscard]] Result<Vm> create_vm() const;

 private:
  Kvm(Fd fd, std::size_t vcpu_mapping_bytes) : fd_(std::move(fd)), vcpu_mapping_bytes_(vcpu_mapping_bytes) {}

  Fd fd_;
  std::size_t vcpu_mapping_bytes_;  // size of a vCPU's struct kvm_run mapping
};

}  // namespace trapline::vmm
