// perf kvm stat and trapline record on the same run: what both must agree on.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/perf_kvm.h"
#include "tests/support/trapline.h"

namespace trapline::test {

// What perf adds to an exit: the same exits with and without it.
[[nodiscard]] double perf_cost_us(const Workspace& workspace);

// Every reason with the same number of exits that an entry followed; `vcpus` differences are allowed in all,
// one for each at the edges of the two windows.
void expect_same_counts(const nlohmann::json& report, const std::map<std::string, PerfRow>& perf,
                        std::uint64_t vcpus);

// Prints every reason's total time by both. They differ by no more than its exits x what the probes of both
// cost an exit; in emulated time that is not judged.
void expect_same_times(const nlohmann::json& report, const std::map<std::string, PerfRow>& perf,
                       double cost_us);

}  // namespace trapline::test
