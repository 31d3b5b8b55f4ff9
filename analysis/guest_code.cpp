#include "analysis/guest_code.h"

#include <algorithm>

#include "analysis/exit_figures.h"

namespace trapline::analysis {
namespace {

using tracer::Exit;

void add_to(RipRow& row, const Exit& exit) {
  const std::uint64_t handling = handling_ns(exit);
  ++row.count;
  row.handling_ns += handling;
  row.max_ns = std::max(row.max_ns, handling);
}

}  // namespace

std::uint64_t GuestCode::handling_ns() const {
  std::uint64_t sum = others.handling_ns;
  for (const RipRow& row : rips)
    sum += row.handling_ns;
  return sum;
}

GuestCodeTable::OfReason& GuestCodeTable::of(std::uint16_t vm, const tracer::ExitDescription& what) {
  OfVm& of_vm = vms_[vm];
  if (what.index >= of_vm.by_kind.size()) of_vm.by_kind.resize(what.index + std::size_t{1});
  OfReason*& found = of_vm.by_kind[what.index];
  if (found == nullptr) found = &of_vm.reasons[what.reason];
  return *found;
}

void GuestCodeTable::add(std::uint16_t vm, const Exit& exit) {
  OfReason& reason = of(vm, *exit.what);
  if ((exit.record.flags & TRL_NO_RIP) != 0) {
    ++reason.unknown;
    return;
  }
  auto row = reason.rips.find(exit.record.rip);
  if (row == reason.rips.end()) {
    if (rips_ == kMaxRips) return add_to(reason.others, exit);
    ++rips_;
    row = reason.rips.try_emplace(exit.record.rip).first;
    row->second.rip = exit.record.rip;
  }
  add_to(row->second, exit);
}

std::vector<GuestCode> GuestCodeTable::take() {
  std::vector<GuestCode> rows;
  for (auto& [vm, of_vm] : vms_) {
    for (auto& [name, reason] : of_vm.reasons) {
      GuestCode row{vm, name, {}, reason.others, reason.unknown};
      for (const auto& [rip, figures] : reason.rips)
        row.rips.push_back(figures);
      std::ranges::sort(row.rips, [](const RipRow& a, const RipRow& b) {
        return std::pair(b.handling_ns, a.rip) < std::pair(a.handling_ns, b.rip);
      });
      rows.push_back(std::move(row));
    }
  }
  std::ranges::stable_sort(rows, std::ranges::greater{}, &GuestCode::handling_ns);
  vms_.clear();
  return rows;
}

}  // namespace trapline::analysis
