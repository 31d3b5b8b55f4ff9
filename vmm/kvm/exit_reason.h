// An exit to user space that nothing handles, in words.
#pragma once

#include <linux/kvm.h>

#include <string>

namespace trapline::vmm {

// One sentence for an exit that nothing handles: its name and what KVM says about it.
[[nodiscard]] std::string describe_exit(const kvm_run& run);

}  // namespace trapline::vmm
