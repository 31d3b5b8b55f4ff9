#pragma once

#include <memory>

#include "vmm/paths/delivery_path.h"

namespace trapline::vmm {

[[nodiscard]] std::unique_ptr<DeliveryPath> make_hvm();
[[nodiscard]] std::unique_ptr<DeliveryPath> make_hvm_pv();

}  // namespace trapline::vmm
