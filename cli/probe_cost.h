// What recording costs on this machine, measured: the same loop of port writes with and without the probes.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "vmm/kvm/kvm.h"

namespace trapline::cli {

// The time of one port write by a guest, from its exit to the VMM and back, in ns of this machine: the lowest
// mean of `rounds` bare loops of `writes`. With probes attached it is the traced figure, without them the
// untraced one.
[[nodiscard]] Result<std::uint64_t> time_port_write(const vmm::Kvm& kvm, std::uint32_t writes, int rounds);

}  // namespace trapline::cli
