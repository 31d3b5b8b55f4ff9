// A recording as a busy guest would make it, without one: of any length, the same each time.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/result.h"

namespace trapline::test {

// Two vCPUs with `exits` exits each: port accesses that go to the VMM step by step, MSR writes, MSIs that
// thread 77 raises, timers, handlers that others interrupt, and a workload whose name is no text.
[[nodiscard]] Status write_busy_recording(const std::filesystem::path& folder, std::uint64_t exits);

}  // namespace trapline::test
