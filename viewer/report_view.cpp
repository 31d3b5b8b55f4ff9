#include "viewer/report_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "tracer/exits/names.h"
#include "viewer/tables/printable.h"
#include "viewer/vector_label.h"

namespace trapline::viewer {
namespace {

using analysis::ExitGroup;
using analysis::ExitGroups;
using analysis::ExitKey;
using analysis::ExitRow;
using analysis::SortColumn;

template <typename Row, typename Before>
std::vector<const Row*> sorted(const std::vector<Row>& all, const ReportView& view,
                               const Before& name_before) {
  std::vector<const Row*> rows;
  rows.reserve(all.size());
  for (const Row& row : all)
    rows.push_back(&row);
  std::stable_sort(rows.begin(), rows.end(), [&](const Row* a, const Row* b) {
    if (view.sort == SortColumn::name) return name_before(*a, *b);
    return analysis::sort_figure(*a, view.sort) > analysis::sort_figure(*b, view.sort);
  });
  return rows;
}

std::string with_name(const std::string& text, std::string_view name) {
  return name.empty() ? text : text + " " + std::string(name);
}

}  // namespace

std::size_t shown(std::size_t rows, const ReportView& view) {
  return std::min(rows, view.top.value_or(rows));
}

std::vector<const ExitRow*> sorted_exits(const analysis::Summary& summary, const ReportView& view) {
  return sorted(summary.exits, view, [](const ExitRow& a, const ExitRow& b) {
    return std::tie(a.reason, a.key, a.vcpu) < std::tie(b.reason, b.key, b.vcpu);
  });
}

std::vector<const ExitGroup*> sorted_groups(const ExitGroups& groups, const ReportView& view) {
  return sorted(groups.rows, view, [&](const ExitGroup& a, const ExitGroup& b) {
    for (const ExitKey key : groups.by) {
      const auto of_a = a.value(key);
      const auto of_b = b.value(key);
      if (of_a == of_b) continue;
      // What has none comes last.
      if (!of_a || !of_b) return of_a.has_value();
      return key == ExitKey::reason ? groups.reasons[*of_a] < groups.reasons[*of_b] : *of_a < *of_b;
    }
    return a.access < b.access;
  });
}

std::string vm_text(const tracer::RecordedVms& machines, std::uint16_t vm) {
  const auto* found = machines.find(vm);
  return with_name(fmt::format("{}", vm), found == nullptr ? "" : printable(found->name));
}

std::string vcpu_text(const tracer::RecordedVms& machines, std::uint16_t vcpu) {
  const auto of = machines.vcpu(vcpu);
  return machines.several() ? fmt::format("{}:{}", of.vm, of.vcpu_id) : fmt::format("{}", of.vcpu_id);
}

std::string place_in_guest(std::uint64_t rip, const ReportView& view) {
  const auto place = view.symbols.find(rip);
  return place ? printable(place->text()) : fmt::format("{:#x}", rip);
}

std::string key_text(const analysis::Summary& summary, const ExitGroup& group, ExitKey key,
                     const ReportView& view) {
  const auto value = group.value(key);
  if (!value) return "-";
  const std::string_view access = tracer::access_name(group.access);
  switch (key) {
    case ExitKey::reason:
      return summary.groups->reasons[*value];
    case ExitKey::vm:
      return vm_text(summary.machines, static_cast<std::uint16_t>(*value));
    case ExitKey::vcpu:
      return vcpu_text(summary.machines, static_cast<std::uint16_t>(*value));
    case ExitKey::port: {
      const bool in = group.access == tracer::ExitSubject::Access::read;
      return with_name(fmt::format("{:#x} {}", *value, in ? "in" : "out"), tracer::port_name(*value));
    }
    case ExitKey::mmio:
      return with_name(with_name(fmt::format("{:#x}", *value), access), tracer::device_window_name(*value));
    case ExitKey::msr:
      return with_name(with_name(fmt::format("{:#x}", *value), access),
                       tracer::msr_name(static_cast<std::uint32_t>(*value)));
    case ExitKey::vector:
      return vector_label(static_cast<std::uint32_t>(*value));
    case ExitKey::hypercall:
      return with_name(fmt::format("{}", *value), tracer::hypercall_name(*value));
    case ExitKey::rip:
      return place_in_guest(*value, view);
  }
  return {};
}

std::vector<std::string> hidden_interrupts(const analysis::Summary& summary) {
  std::uint64_t posted = 0;
  const bool has_stamps = summary.stamp_check.checked != 0;
  for (const auto& row : summary.interrupts.rows)
    posted += row.posted;
  const bool on = summary.info.apicv == recording::Apicv::on;
  if (posted == 0 && !on) return {};
  const std::string_view name = summary.info.isa == recording::Isa::svm ? "AVIC" : "APICv";
  std::vector<std::string> notes;
  notes.push_back(posted == 0 ? fmt::format("{} was on; no interrupt was seen to be posted", name)
                              : fmt::format("{} delivered {} interrupts by posting them: they do not exit",
                                            name, posted));
  notes.emplace_back(
      has_stamps
          ? "of these no injection is seen; ISR entry, EOI and iret are told by the guest's own stamps"
          : "of these the way ends with the acceptance: no injection, no ISR and no EOI is seen, unless "
            "the EOI exits (level-triggered lines)");
  notes.emplace_back(
      "IPIs that hardware delivers, and device interrupts that the IOMMU posts, are not seen at all; to see "
      "all, load the module with avic=0 or enable_apicv=0");
  return notes;
}

}  // namespace trapline::viewer
