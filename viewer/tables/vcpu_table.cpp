#include "viewer/tables/vcpu_table.h"

#include <fmt/format.h>

#include "viewer/report_view.h"

namespace trapline::viewer {
namespace {

template <typename Cell>
std::vector<Cell> with_first(std::vector<Cell> row, Cell first, bool wanted) {
  if (wanted) row.insert(row.begin(), std::move(first));
  return row;
}

bool several_vcpus(const analysis::Summary& summary) {
  return summary.machines.vcpus.size() > 1 || summary.states.size() > 1;
}

}  // namespace

VcpuTable::VcpuTable(const analysis::Summary& summary, std::vector<Table::Column> columns)
    : machines_(summary.machines),
      several_(several_vcpus(summary)),
      table_(with_first(std::move(columns), {machines_.several() ? "VM:vCPU" : "vCPU"}, several_)) {}

void VcpuTable::add(std::uint16_t vcpu, std::vector<std::string> cells) {
  table_.add(with_first(std::move(cells), several_ ? vcpu_text(machines_, vcpu) : std::string{}, several_));
}

std::string VcpuTable::text(std::string_view title) const {
  return table_.empty() ? std::string{} : "\n" + table_.text(title);
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? "-"
                    : fmt::format("{:.1f}", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string time(std::uint64_t ns) {
  return short_time(static_cast<double>(ns));
}

}  // namespace trapline::viewer
