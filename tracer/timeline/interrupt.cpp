#include "tracer/timeline/interrupt.h"

#include <algorithm>

namespace trapline::tracer {

std::string_view source_name(InterruptSource source) {
  constexpr std::array<std::string_view, kInterruptSources> kNames = {
      "timer", "line", "msi", "irqfd", "ipi", "event-channel", "exception", "software", "nmi", "unknown"};
  return kNames[static_cast<std::size_t>(source)];
}

std::string_view link_name(Link link) {
  constexpr std::array<std::string_view, kLinks> kNames = {"raised",    "accepted", "kicked", "injected",
                                                           "isr_entry", "eoi",      "iret"};
  return kNames[static_cast<std::size_t>(link)];
}

std::string_view linked_by_name(LinkedBy by) {
  constexpr std::array<std::string_view, 9> kNames = {"none",   "vmm mark", "tracepoint",  "exit", "entry",
                                                      "waking", "vmm step", "guest stamp", "order"};
  return kNames[static_cast<std::size_t>(by)];
}

HostNs Interrupt::begin() const {
  HostNs earliest{~std::uint64_t{0}};
  for (const LinkPoint& point : links) {
    if (point.seen()) earliest = std::min(earliest, point.at);
  }
  return earliest;
}

HostNs Interrupt::end() const {
  HostNs latest;
  for (const LinkPoint& point : links) {
    if (point.seen()) latest = std::max(latest, point.at);
  }
  return latest;
}

std::optional<std::uint64_t> Interrupt::between(Link from, Link to) const {
  if (!link(from).seen() || !link(to).seen()) return std::nullopt;
  const HostNs begin_at = link(from).at;
  const HostNs end_at = link(to).at;
  return end_at < begin_at ? 0 : end_at.value - begin_at.value;
}

}  // namespace trapline::tracer
