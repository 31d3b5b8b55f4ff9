// The workloads there are.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "vmm/guest/abi.h"

namespace trapline::vmm {

struct WorkloadEntry {
  std::string_view name;
  std::string_view summary;  // one line
  guest_workload workload = GUEST_WORKLOAD_NONE;
  bool for_tests_only = false;
  bool waits = false;  // for something that comes from outside: U0 to K1 is mostly waiting
};

[[nodiscard]] std::span<const WorkloadEntry> workloads();
// An unknown name: wrong usage, with the names that there are.
[[nodiscard]] Result<const WorkloadEntry*> find_workload(std::string_view name);
// Empty for a number that is no workload.
[[nodiscard]] std::string_view workload_name(std::uint32_t workload);

}  // namespace trapline::vmm
