#include "analysis/interrupts.h"

#include <utility>

namespace trapline::analysis {

using tracer::Interrupt;
using tracer::Link;

double per_second(std::uint64_t count, std::uint64_t ns) {
  return ns == 0 ? 0 : static_cast<double>(count) * 1e9 / static_cast<double>(ns);
}

void Latency::add(std::uint64_t ns, std::uint64_t at_ns, tracer::InterruptId id) {
  if (duration.count() == 0 || ns > duration.max()) {
    worst_at_ns = at_ns;
    worst = id;
  }
  duration.add(ns);
}

void InterruptTable::add(const Interrupt& interrupt, HostNs begin) {
  InterruptRow& row = rows_[{interrupt.vcpu, interrupt.vector, interrupt.source}];
  row.vcpu = interrupt.vcpu;
  row.vector = interrupt.vector;
  row.source = interrupt.source;
  ++row.count;
  if (interrupt.complete()) ++row.complete;
  row.coalesced += interrupt.coalesced;
  row.reinjected += interrupt.reinjections;
  row.delivered_twice += interrupt.delivered_twice;
  if (interrupt.entries_masked != 0) ++row.masked;
  if (interrupt.depth != 0) ++row.nested;
  if (interrupt.posted) ++row.posted;
  if (interrupt.eoi_exit) ++row.eoi_exits;
  const bool brought = interrupt.external() || interrupt.link(Link::injected).seen();
  if (brought) {
    ++totals_.total;
    if (interrupt.complete()) ++totals_.complete;
  }
  for (std::size_t i = 0; i < tracer::kLinks; ++i) {
    const auto link = static_cast<Link>(i);
    if (interrupt.link(link).seen()) ++row.seen[i];
    if (!interrupt.is_missing(link)) continue;
    ++row.missing[i];
    if (brought) ++totals_.missing[i];
  }
  for (std::size_t i = 0; i < kStretches.size(); ++i) {
    const auto ns = interrupt.between(kStretches[i].from, kStretches[i].to);
    if (!ns) continue;
    const HostNs at = interrupt.link(kStretches[i].from).at;
    row.latencies[i].add(*ns, at < begin ? 0 : at.value - begin.value, interrupt.id);
  }
}

InterruptFigures InterruptTable::take() {
  InterruptFigures figures = totals_;
  for (auto& [key, row] : rows_)
    figures.rows.push_back(std::move(row));
  return figures;
}

}  // namespace trapline::analysis
