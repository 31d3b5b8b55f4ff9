#pragma once

#include <memory>

#include "vmm/paths/delivery_path.h"

namespace trapline::vmm {

[[nodiscard]] std::unique_ptr<DeliveryPath> make_pv_ring0();

// The tables with which the monitor delivers traps, hypercalls and upcalls itself.
[[nodiscard]] Status write_ring0_tables(const GuestMemory& memory, const KernelImage& image,
                                        std::uint32_t vcpus);

}  // namespace trapline::vmm
