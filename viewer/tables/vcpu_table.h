// A table whose rows are a vCPU's each: it says whose where there are several.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "analysis/summary.h"
#include "viewer/tables/table.h"

namespace trapline::viewer {

class VcpuTable {
 public:
  VcpuTable(const analysis::Summary& summary, std::vector<Table::Column> columns);

  void add(std::uint16_t vcpu, std::vector<std::string> cells);
  // Empty if there are no rows; otherwise it begins with an empty line.
  [[nodiscard]] std::string text(std::string_view title) const;

 private:
  const tracer::RecordedVms& machines_;
  bool several_;
  Table table_;
};

// "12.3", "-" of nothing.
[[nodiscard]] std::string percent(std::uint64_t part, std::uint64_t whole);
// 1234567 -> "1.235 ms"
[[nodiscard]] std::string time(std::uint64_t ns);

}  // namespace trapline::viewer
