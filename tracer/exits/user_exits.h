// Why KVM_RUN returned to user space: KVM_EXIT_* of <linux/kvm.h>.
#pragma once

#include <cstdint>
#include <string>

namespace trapline::tracer {

inline constexpr std::uint16_t kUserExitMmio = 6;  // KVM_EXIT_MMIO

// "KVM_EXIT_IO"; "unknown (0x...)" for a reason that the table has not.
[[nodiscard]] std::string user_exit_name(std::uint32_t reason);

}  // namespace trapline::tracer
