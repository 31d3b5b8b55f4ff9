#include "analysis/exit_figures.h"

#include <algorithm>
#include <array>

namespace trapline::analysis {
namespace {

using tracer::Exit;

std::uint64_t time_in_vmm(const Exit& exit) {
  if (exit.vmm_begin && exit.vmm_end) return clamped(*exit.vmm_begin, *exit.vmm_end);
  return exit.user_exit ? clamped(*exit.user_exit, exit.entry) : 0;
}

struct SortRow {
  std::string_view name;
  double (*figure)(const ExitFigures&);
};

template <int Percent>
double percentile(const ExitFigures& figures) {
  return static_cast<double>(figures.handling().percentile(Percent));
}

// By SortColumn.
constexpr std::array kSortRows = {
    SortRow{"time", [](const ExitFigures& f) { return static_cast<double>(f.handling().total()); }},
    SortRow{"samples", [](const ExitFigures& f) { return static_cast<double>(f.count()); }},
    SortRow{"min", [](const ExitFigures& f) { return static_cast<double>(f.handling().min()); }},
    SortRow{"avg", [](const ExitFigures& f) { return f.handling().mean(); }},
    SortRow{"p50", percentile<50>},
    SortRow{"p90", percentile<90>},
    SortRow{"p99", percentile<99>},
    SortRow{"max", [](const ExitFigures& f) { return static_cast<double>(f.handling().max()); }},
    SortRow{"stddev", [](const ExitFigures& f) { return f.handling().stddev(); }},
    SortRow{"kvm", [](const ExitFigures& f) { return static_cast<double>(f.kvm_ns); }},
    SortRow{"vmm", [](const ExitFigures& f) { return static_cast<double>(f.vmm_ns); }},
    SortRow{"name", [](const ExitFigures&) { return 0.0; }},
};

constexpr auto kSortNames = [] {
  std::array<std::string_view, kSortRows.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i)
    names[i] = kSortRows[i].name;
  return names;
}();

}  // namespace

std::uint64_t handling_ns(const Exit& exit) {
  if (exit.open) return 0;
  const std::uint64_t total = clamped(exit.exit, exit.entry);
  return total - std::min(total, exit.halt_poll_ns + exit.halted_ns + exit.wake_delay_ns);
}

void ExitFigures::add(const Exit& exit) {
  if (exit.halts) ++halts;
  if (exit.open) {
    ++open;
    return;
  }
  const std::uint64_t total = clamped(exit.exit, exit.entry);
  const std::uint64_t in_vmm = time_in_vmm(exit);
  const std::uint64_t handling = handling_ns(exit);
  if (handling != total && !without_waits) without_waits = duration;
  if (without_waits) without_waits->add(handling);
  duration.add(total);
  vmm_ns += in_vmm;
  kvm_ns += total - in_vmm;
  halt_poll_ns += exit.halt_poll_ns;
  halted_ns += exit.halted_ns;
  wake_delay_ns += exit.wake_delay_ns;
}

std::span<const std::string_view> sort_column_names() {
  return kSortNames;
}

std::optional<SortColumn> sort_column_of(std::string_view name) {
  const auto* found = std::ranges::find(kSortNames, name);
  if (found == kSortNames.end()) return std::nullopt;
  return static_cast<SortColumn>(found - kSortNames.begin());
}

double sort_figure(const ExitFigures& figures, SortColumn column) {
  return kSortRows[static_cast<std::size_t>(column)].figure(figures);
}

}  // namespace trapline::analysis
