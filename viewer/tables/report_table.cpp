#include "viewer/tables/report_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "viewer/tables/exit_tables.h"
#include "viewer/tables/interrupt_tables.h"
#include "viewer/tables/printable.h"
#include "viewer/tables/time_note.h"
#include "viewer/tables/vcpu_table.h"

namespace trapline::viewer {
namespace {

using analysis::Summary;

// Which VMs these are, where the recording names them.
std::string vms(const Summary& summary) {
  std::string text;
  for (const recording::Vm& vm : summary.machines.vms) {
    if (vm.pid == 0 && vm.name.empty()) continue;
    text += fmt::format("VM {}: {}, process {}\n", vm.vm, vm.name.empty() ? "no name" : printable(vm.name),
                        vm.pid);
  }
  return text;
}

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
  if (!info.filter.empty() || summary.whole.filtered != 0) {
    text += fmt::format("\nfilter: {}; exits that it left out: {}", printable(info.filter),
                        summary.whole.filtered);
  }
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
  text += vms(summary);
  for (const std::string& file : summary.whole.cut_files)
    text += fmt::format("cut: the end of {} is missing\n", file);
  return text;
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
  Table table({{summary.machines.several() ? "VM:vCPU" : "vCPU", Align::left},
               {"state", Align::left},
               {"time"},
               {"%"}});
  for (const auto& row : summary.states) {
    for (const auto& [state, ns] : row.states) {
      if (ns == 0) continue;
      table.add({vcpu_text(summary.machines, row.vcpu), std::string(tracer::state_name(state)), time(ns),
                 percent(ns, row.traced_ns)});
    }
  }
  return table.empty() ? std::string{} : "\n" + table.text("Where the time went");
}

std::string scheduling_table(const Summary& summary) {
  VcpuTable table(summary, {{"preempted"},
                            {"time"},
                            {"p99"},
                            {"longest"},
                            {"woken"},
                            {"time"},
                            {"p99"},
                            {"longest"},
                            {"steal"},
                            {"% of traced"}});
  for (const auto& row : summary.scheduling) {
    std::vector<std::string> cells;
    for (const Distribution* of : {&row.preempted, &row.woken}) {
      cells.insert(cells.end(), {fmt::format("{}", of->count()), time(of->total()), time(of->percentile(99)),
                                 time(of->max())});
    }
    cells.insert(cells.end(),
                 {time(row.steal_ns()), percent(row.steal_ns(), summary.traced_ns_of(row.vcpu))});
    table.add(row.vcpu, std::move(cells));
  }
  return table.text(
      "How long vCPUs could have run and got no CPU: when preempted, and after they were woken");
}

}  // namespace

std::string report_text(const Summary& summary, const ReportView& view) {
  std::string text = header(summary);
  if (summary.groups) {
    text += group_table(summary, view);
    const bool by_vector =
        std::ranges::find(summary.groups->by, analysis::ExitKey::vector) != summary.groups->by.end();
    return by_vector ? text + interrupt_tables(summary) : text;
  }
  text += exit_tables(summary, view);
  text += halt_tables(summary);
  text += guest_code_table(summary, view);
  text += workloads_table(summary);
  text += interrupt_tables(summary);
  text += steps_table(summary);
  text += states_table(summary);
  text += scheduling_table(summary);
  text += truth_table(summary);
  return text;
}

}  // namespace trapline::viewer
