#pragma once

#include <memory>

#include "vmm/paths/delivery_path.h"

namespace trapline::vmm {

[[nodiscard]] std::unique_ptr<DeliveryPath> make_emulate();

}  // namespace trapline::vmm
