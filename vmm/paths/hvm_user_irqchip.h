#pragma once

#include <memory>

#include "vmm/paths/delivery_path.h"

namespace trapline::vmm {

[[nodiscard]] std::unique_ptr<DeliveryPath> make_hvm_user_irqchip();

}  // namespace trapline::vmm
