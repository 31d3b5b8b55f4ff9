#include "viewer/tables/interrupt_tables.h"

#include <fmt/format.h>

#include "viewer/report_view.h"
#include "viewer/tables/vcpu_table.h"
#include "viewer/vector_label.h"

namespace trapline::viewer {
namespace {

using analysis::Summary;

// How many there were, and of those that lack a link which one: "1 isr_entry, 2 iret".
std::string missing_links(const analysis::InterruptRow& row) {
  std::string text;
  for (std::size_t i = 0; i < tracer::kLinks; ++i) {
    if (row.missing[i] == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", row.missing[i],
                        tracer::link_name(static_cast<tracer::Link>(i)));
  }
  return text;
}

std::string interrupts_table(const Summary& summary) {
  VcpuTable table(summary, {{"vector", Align::left},
                            {"source", Align::left},
                            {"count"},
                            {"per s"},
                            {"complete"},
                            {"EOI exits"},
                            {"coalesced"},
                            {"posted"},
                            {"again"},
                            {"twice"},
                            {"masked"},
                            {"nested"},
                            {"missing", Align::left, true}});
  std::uint64_t twice = 0;
  for (const auto& row : summary.interrupts.rows) {
    table.add(
        row.vcpu,
        {vector_label(row.vector), std::string(tracer::source_name(row.source)), fmt::format("{}", row.count),
         fmt::format("{:.4g}", analysis::per_second(row.count, summary.traced_ns_of(row.vcpu))),
         fmt::format("{}", row.complete), fmt::format("{}", row.eoi_exits), fmt::format("{}", row.coalesced),
         fmt::format("{}", row.posted), fmt::format("{}", row.reinjected),
         fmt::format("{}", row.delivered_twice), fmt::format("{}", row.masked), fmt::format("{}", row.nested),
         missing_links(row)});
    twice += row.delivered_twice;
  }
  std::string title = "Interrupts, exceptions and system calls of the guest";
  if (summary.interrupts.total != 0) {
    title += fmt::format("; of the {} that were brought to it {} are complete from cause to {}",
                         summary.interrupts.total, summary.interrupts.complete,
                         summary.stamp_check.checked != 0 ? "iret" : "EOI, the last that KVM sees");
  }
  std::string text = table.text(title);
  if (twice != 0) {
    text +=
        wrapped(fmt::format("  {} interrupts were delivered twice: the handler was entered again before its "
                            "first instruction, with "
                            "nothing raised or injected again. A fault of the hypervisor or emulator below.",
                            twice));
  }
  for (const std::string& note : hidden_interrupts(summary))
    text += wrapped("  " + note);
  return text;
}

std::string latencies_table(const Summary& summary) {
  VcpuTable table(summary, {{"vector", Align::left},
                            {"source", Align::left},
                            {"from-to", Align::left},
                            {"count"},
                            {"p50"},
                            {"p90"},
                            {"p99"},
                            {"max"},
                            {"the worst at"}});
  for (const auto& row : summary.interrupts.rows) {
    for (std::size_t i = 0; i < analysis::kStretches.size(); ++i) {
      const analysis::Latency& latency = row.latencies[i];
      const Distribution& of = latency.duration;
      if (of.count() == 0) continue;
      table.add(row.vcpu, {vector_label(row.vector), std::string(tracer::source_name(row.source)),
                           std::string(analysis::kStretches[i].title), fmt::format("{}", of.count()),
                           time(of.percentile(50)), time(of.percentile(90)), time(of.percentile(99)),
                           time(of.max()), fmt::format("{} ns", latency.worst_at_ns)});
    }
  }
  return table.text(
      "How long each stretch of their way took (times of the worst count from the trace's start)");
}

}  // namespace

std::string interrupt_tables(const Summary& summary) {
  return interrupts_table(summary) + latencies_table(summary);
}

}  // namespace trapline::viewer
