// KVM_EXIT_*: why KVM_RUN came back, in words.
#pragma once

#include <linux/kvm.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace trapline::vmm {

// "KVM_EXIT_IO"; empty for a reason that this table does not have.
[[nodiscard]] std::string_view exit_reason_name(std::uint32_t reason);

// One sentence for an exit that nothing handles: its name and what KVM says about it.
[[nodiscard]] std::string describe_exit(const kvm_run& run);

}  // namespace trapline::vmm
