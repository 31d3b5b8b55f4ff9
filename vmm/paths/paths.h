// The delivery paths there are.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"
#include "vmm/paths/delivery_path.h"

namespace trapline::vmm {

struct PathEntry {
  std::string_view name;
  std::string_view summary;  // one line
  std::unique_ptr<DeliveryPath> (*create)();
};

[[nodiscard]] std::span<const PathEntry> paths();
// An unknown name: wrong usage, with the names that there are.
[[nodiscard]] Result<const PathEntry*> find_path(std::string_view name);

}  // namespace trapline::vmm
