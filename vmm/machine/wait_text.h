// What a guest waited for, in words: from the pages that it shares with the VMM, which are not to be trusted.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "vmm/guest/abi.h"

namespace trapline::vmm {

// Of a wait that the guest gave up: "vCPU 0 waited for vCPU 1 to halt (256 rounds of 1048576 looks; vCPU 0:
// 0 interrupts; vCPU 1: 3597 interrupts, 3599 halts, the last one after interrupt 3596)".
[[nodiscard]] std::string describe_wait(std::size_t vcpu, std::span<const guest_shared> pages);
// Of vCPUs that all have halted: "vCPU 0 waits in HLT, workload hlt, and nothing is pending or armed that
// could end it (...)".
[[nodiscard]] std::string describe_endless_halt(std::span<const guest_shared> pages);

}  // namespace trapline::vmm
