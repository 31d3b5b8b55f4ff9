#include "viewer/tables/report_table.h"

#include <fmt/format.h>

#include "viewer/tables/printable.h"
#include "viewer/tables/table.h"
#include "viewer/tables/time_note.h"
#include "viewer/vector_label.h"

namespace trapline::viewer {
namespace {

using analysis::Summary;
using tracer::Cause;

// What a reader must know before believing any figure below.
std::string header(const Summary& summary) {
  const auto& info = summary.info;
  std::string text = fmt::format("trapline: {} of {} traced, path {}, Linux {}, {}\n", summary.whole.ended,
                                 short_time(static_cast<double>(summary.traced_ns)),
                                 info.path.empty() ? "-" : printable(info.path),
                                 printable(info.kernel_release), recording::isa_name(info.isa));
  text += time_note(info.time_kind);
  text += fmt::format("lost records: {}", summary.whole.records_lost);
  if (summary.whole.unattributed != 0)
    text += fmt::format(", interrupts of no known VM: {}", summary.whole.unattributed);
  text += fmt::format(
      "\nclock: error bound {} ns; {} guest stamps, {} outside of their entry..exit, worst by {} ns\n",
      summary.clock_bound_ns, summary.stamp_check.checked, summary.stamp_check.outside,
      summary.stamp_check.worst_violation_ns);
  text += fmt::format("probes: {}", printable(summary.info.mode));
  if (summary.probe_cost) {
    text += fmt::format("; {} ns per exit (measured before the run on {} exits: {} traced, {} untraced)",
                        summary.probe_cost->per_exit_ns, summary.probe_cost->exits,
                        summary.probe_cost->traced_ns, summary.probe_cost->untraced_ns);
  }
  text += '\n';
  for (const std::string& file : summary.whole.cut_files)
    text += fmt::format("cut: the end of {} is missing\n", file);
  return text;
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? "-"
                    : fmt::format("{:.1f}", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

std::string time(std::uint64_t ns) {
  return short_time(static_cast<double>(ns));
}

// A table whose rows are a vCPU's each: it says whose where there are several.
class VcpuTable {
 public:
  VcpuTable(const Summary& summary, std::vector<Table::Column> columns)
      : several_(summary.states.size() > 1), table_(with_vcpu(std::move(columns), {"vCPU"})) {}

  void add(std::uint16_t vcpu, std::vector<std::string> cells) {
    table_.add(with_vcpu(std::move(cells), fmt::format("{}", vcpu)));
  }
  // Empty if there are no rows; otherwise it begins with an empty line.
  [[nodiscard]] std::string text(std::string_view title) const {
    return table_.empty() ? std::string{} : "\n" + table_.text(title);
  }

 private:
  template <typename Cell>
  [[nodiscard]] std::vector<Cell> with_vcpu(std::vector<Cell> row, Cell vcpu) const {
    if (several_) row.insert(row.begin(), std::move(vcpu));
    return row;
  }

  bool several_;
  Table table_;
};

std::string exits_table(const Summary& summary, Cause cause, std::string_view title) {
  VcpuTable table(summary, {{"reason", Align::left},
                            {"what", Align::left},
                            {"count"},
                            {"total"},
                            {"% of run"},
                            {"min"},
                            {"p50"},
                            {"p99"},
                            {"max"},
                            {"in KVM"},
                            {"in VMM"}});
  for (const auto& row : summary.exits) {
    if (row.cause != cause) continue;
    table.add(row.vcpu,
              {row.reason, row.key, fmt::format("{}{}", row.count(), row.open != 0 ? "*" : ""),
               time(row.duration.total()), percent(row.duration.total(), summary.traced_ns),
               time(row.duration.min()), time(row.duration.percentile(50)), time(row.duration.percentile(99)),
               time(row.duration.max()), time(row.kvm_ns), time(row.vmm_ns)});
  }
  return table.text(title);
}

std::string workloads_table(const Summary& summary) {
  VcpuTable table(summary, {{"workload", Align::left},
                            {"events"},
                            {"U0-K1 p50"},
                            {"K1-K2 p50"},
                            {"K2-U3 p50"},
                            {"U0-U3 p50"},
                            {"p99"},
                            {"max"},
                            {"exits/event: user"},
                            {"kernel"},
                            {"async"}});
  const auto per_event = [](std::uint64_t count, std::uint64_t events) {
    return fmt::format("{:.3f}", static_cast<double>(count) / static_cast<double>(events));
  };
  const auto p50 = [](const Distribution& of) { return of.count() == 0 ? "-" : time(of.percentile(50)); };
  for (const auto& row : summary.workloads) {
    table.add(row.vcpu,
              {printable(row.workload), fmt::format("{}", row.events), p50(row.delivery), p50(row.handler),
               p50(row.return_), p50(row.round_trip), time(row.round_trip.percentile(99)),
               time(row.round_trip.max()), per_event(row.user_exits, row.events),
               per_event(row.kernel_exits, row.events), per_event(row.async_exits, row.events)});
  }
  return table.text(
      "Workload events, from before the trap (U0) through the handler (K1..K2) to "
      "user mode again (U3)");
}

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
                            {"complete"},
                            {"coalesced"},
                            {"again"},
                            {"masked"},
                            {"nested"},
                            {"missing", Align::left}});
  for (const auto& row : summary.interrupts.rows) {
    table.add(row.vcpu, {vector_label(row.vector), std::string(tracer::source_name(row.source)),
                         fmt::format("{}", row.count), fmt::format("{}", row.complete),
                         fmt::format("{}", row.coalesced), fmt::format("{}", row.reinjected),
                         fmt::format("{}", row.masked), fmt::format("{}", row.nested), missing_links(row)});
  }
  std::string title = "Interrupts, exceptions and system calls of the guest";
  if (summary.interrupts.total != 0) {
    title += fmt::format("; of the {} that were brought to it {} are complete from cause to iret",
                         summary.interrupts.total, summary.interrupts.complete);
  }
  return table.text(title);
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

std::string steps_table(const Summary& summary) {
  VcpuTable table(summary, {{"step", Align::left}, {"count"}, {"total"}, {"p50"}, {"p99"}});
  for (const auto& row : summary.steps) {
    table.add(row.vcpu, {row.step, fmt::format("{}", row.duration.count()), time(row.duration.total()),
                         time(row.duration.percentile(50)), time(row.duration.percentile(99))});
  }
  return table.text("What the VMM did, step by step");
}

std::string truth_table(const Summary& summary) {
  VcpuTable table(summary, {{"what", Align::left}, {"counted"}, {"recorded"}, {"", Align::left}});
  for (const auto& row : summary.truth) {
    table.add(row.vcpu, {row.what, fmt::format("{}", row.guest), fmt::format("{}", row.recorded),
                         row.agrees() ? "equal" : "DIFFERENT"});
  }
  for (const auto& row : summary.kvm_stats) {
    table.add(row.vcpu, {fmt::format("KVM's counter {}", printable(row.name)), fmt::format("{}", row.kvm),
                         fmt::format("{}", row.recorded), row.agrees() ? "equal" : "DIFFERENT"});
  }
  return table.text("What the guest and KVM counted, beside what was recorded");
}

std::string states_table(const Summary& summary) {
  Table table({{"vCPU", Align::left}, {"state", Align::left}, {"time"}, {"%"}});
  for (const auto& row : summary.states) {
    for (const auto& [state, ns] : row.states) {
      if (ns == 0) continue;
      table.add({fmt::format("{}", row.vcpu), std::string(tracer::state_name(state)), time(ns),
                 percent(ns, row.traced_ns)});
    }
  }
  return table.empty() ? std::string{} : "\n" + table.text("Where the time went");
}

}  // namespace

std::string report_text(const Summary& summary) {
  std::string text = header(summary);
  text += exits_table(summary, Cause::guest, "Exits that the guest caused");
  text += exits_table(summary, Cause::async, "Exits that happened to it");
  bool open = false;
  for (const auto& row : summary.exits)
    open = open || row.open != 0;
  if (open) text += "  * one of them was never followed by an entry: it counts, but has no duration\n";
  text += workloads_table(summary);
  text += interrupts_table(summary);
  text += latencies_table(summary);
  text += steps_table(summary);
  text += states_table(summary);
  text += truth_table(summary);
  return text;
}

}  // namespace trapline::viewer
