// How a report is to be shown: choices that change no figure, and the words for what its rows are about.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "analysis/guest_symbols.h"
#include "analysis/summary.h"

namespace trapline::viewer {

struct ReportView {
  analysis::SortColumn sort = analysis::SortColumn::time;
  std::optional<std::size_t> top;  // rows of a table of exits; none: all of them, and kTopRips of a reason
  analysis::GuestSymbols symbols;  // empty: addresses stay numbers
};
inline constexpr std::size_t kTopRips = 3;

// All rows, in the order that the view asks for.
[[nodiscard]] std::vector<const analysis::ExitRow*> sorted_exits(const analysis::Summary& summary,
                                                                 const ReportView& view);
[[nodiscard]] std::vector<const analysis::ExitGroup*> sorted_groups(const analysis::ExitGroups& groups,
                                                                    const ReportView& view);
// How many of so many rows are shown.
[[nodiscard]] std::size_t shown(std::size_t rows, const ReportView& view);

// Of `vcpu` as records number it: "0", or, where the recording has several VMs, "1:0", the VM first.
[[nodiscard]] std::string vcpu_text(const tracer::RecordedVms& machines, std::uint16_t vcpu);
// "1 debian-12"; a VM without a name: "1".
[[nodiscard]] std::string vm_text(const tracer::RecordedVms& machines, std::uint16_t vm);

// "native_safe_halt+0xb"; the address in hex where no symbol is known.
[[nodiscard]] std::string place_in_guest(std::uint64_t rip, const ReportView& view);

// What a group's key says, in words: "0x3f8 out COM1"; "-" where it says nothing.
[[nodiscard]] std::string key_text(const analysis::Summary& summary, const analysis::ExitGroup& group,
                                   analysis::ExitKey key, const ReportView& view);

// What a reader must know of interrupts that did not exit, a sentence each; none where all could be seen.
[[nodiscard]] std::vector<std::string> hidden_interrupts(const analysis::Summary& summary);

}  // namespace trapline::viewer
