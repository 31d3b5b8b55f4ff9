// What perf kvm stat counted.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace trapline::test {

struct PerfRow {
  std::uint64_t samples = 0;
  double total_us = 0;  // samples x average, so as exact as perf prints the average
};

// The rows of `perf kvm stat report`, by reason. perf pairs each exit with the entry after it: exits without
// one are not among its samples.
[[nodiscard]] std::map<std::string, PerfRow> perf_kvm_rows(const std::string& perf_data);

}  // namespace trapline::test
