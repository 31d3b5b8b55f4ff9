#include "vmm/paths/paths.h"

#include <fmt/format.h>

#include "vmm/paths/emulate.h"
#include "vmm/paths/hvm.h"
#include "vmm/paths/hvm_user_irqchip.h"
#include "vmm/paths/pv.h"
#include "vmm/paths/pv_direct.h"
#include "vmm/paths/pv_ring0.h"

namespace trapline::vmm {

namespace {

constexpr PathEntry kPaths[] = {
    {"hvm", "hardware IDT, guest kernel at CPL 0, interrupt controllers in the host's kernel", make_hvm},
    {"hvm-pv", "hvm, and the kernel uses KVM's own paravirtual EOI and IPI", make_hvm_pv},
    {"hvm-user-irqchip", "hvm with the interrupt controllers in the VMM: KVM_INTERRUPT and interrupt windows",
     make_hvm_user_irqchip},
    {"emulate", "trap and emulate: the kernel at CPL 1, each of its traps and irets through the VMM",
     make_emulate},
    {"pv", "paravirtual: the kernel at CPL 1, trap table and iret by hypercall to the VMM", make_pv},
    {"pv-ring0", "pv with the hypervisor's part in ring 0 of the VM: no exit for traps", make_pv_ring0},
    {"pv-direct", "pv-ring0 with gates straight into the kernel at CPL 1, which returns by iretq",
     make_pv_direct},
};

}  // namespace

std::span<const PathEntry> paths() {
  return kPaths;
}

Result<const PathEntry*> find_path(std::string_view name) {
  for (const PathEntry& entry : kPaths) {
    if (entry.name == name) return &entry;
  }
  std::string names;
  for (const PathEntry& entry : kPaths)
    names += fmt::format("{}{}", names.empty() ? "" : ", ", entry.name);
  return fail(fmt::format("there is no delivery path '{}'", name), "use one of: " + names,
              ExitStatus::wrong_usage);
}

}  // namespace trapline::vmm
