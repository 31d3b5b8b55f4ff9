#include "viewer/tables/compare_table.h"

#include <fmt/format.h>

#include "viewer/difference_sentence.h"
#include "viewer/tables/printable.h"
#include "viewer/tables/table.h"
#include "viewer/tables/time_note.h"

namespace trapline::viewer {
namespace {

using analysis::Cell;
using analysis::Comparison;
using analysis::kAllPhases;
using analysis::kAllPlaces;
using analysis::Phase;
using analysis::Place;

std::string header(const Comparison& comparison) {
  const auto& info = comparison.info;
  std::string text = fmt::format("trapline compare: Linux {}, {}, {}; {} rounds, {} warm-up events in each\n",
                                 printable(info.kernel_release), printable(info.cpu_model),
                                 recording::isa_name(info.isa), comparison.rounds, comparison.warm_up);
  text += time_note(info.time_kind);
  text += fmt::format("lost records: {}; clock: error bound {} ns\n", comparison.records_lost,
                      comparison.clock_bound_ns);
  if (comparison.stamp_cost) {
    const auto& cost = *comparison.stamp_cost;
    text +=
        wrapped(fmt::format("the guest's stamps themselves: {} ns of a round trip with a handler, {} ns of "
                            "one without (measured on "
                            "{} events)",
                            cost.in_round_trip_ns(true), cost.in_round_trip_ns(false), cost.samples));
  }
  if (comparison.probe_cost) {
    text += fmt::format("probe cost: {} ns per exit, part of every figure below that has exits\n",
                        comparison.probe_cost->per_exit_ns);
  }
  text +=
      "per event: exits by who handled them (async: they happened to the guest); time from before it (U0) to "
      "after it\n"
      "(U3), and its parts on average: delivery U0-K1, handler K1-K2, return K2-U3; guest, KVM, VMM, asleep "
      "or preempted\n";
  return text;
}

// At most five characters, as long as it is below a million million.
std::string plain_number(double value) {
  return value < 100 ? fmt::format("{:.3g}", value) : brief_time(value, recording::TimeKind::counted);
}

std::string exits(std::uint64_t count, std::uint64_t events) {
  const double each = static_cast<double>(count) / static_cast<double>(events);
  if (each >= 100) return plain_number(each);
  std::string text = fmt::format("{:.2f}", each);
  while (text.back() == '0')
    text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text == "0" && count != 0 ? "<.01" : text;
}

double over_phases(const Cell& cell, Place place) {
  double ns = 0;
  for (const Phase phase : kAllPhases)
    ns += cell.cost_ns(phase, place);
  return ns;
}

double over_places(const Cell& cell, Phase phase) {
  double ns = 0;
  for (const Place place : kAllPlaces)
    ns += cell.cost_ns(phase, place);
  return ns;
}

// The wait of an event that comes from outside, per event: what its cost leaves out.
double wait(const Cell& cell) {
  return cell.round_trip.mean() - cell.cost.mean();
}

std::vector<std::string> row(const Cell& cell, const Cell* base, recording::TimeKind kind) {
  const auto time = [&](double ns) { return brief_time(ns, kind); };
  const auto percentile = [&](double percent) {
    return time(static_cast<double>(cell.cost.percentile(percent)));
  };
  std::vector<std::string> cells = {cell.path};
  if (cell.round_trip_only) {
    cells.insert(cells.end(), {"-", "-", "-"});
  } else {
    cells.insert(cells.end(), {exits(cell.user_exits, cell.events), exits(cell.kernel_exits, cell.events),
                               exits(cell.async_exits, cell.events)});
  }
  cells.insert(cells.end(), {percentile(50), percentile(99), time(static_cast<double>(cell.cost.max())),
                             time(cell.cost.mean())});
  for (const Phase phase : kAllPhases)
    cells.push_back(cell.has_handler() ? time(over_places(cell, phase)) : "-");
  for (const Place place : {Place::guest, Place::kvm, Place::vmm})
    cells.push_back(cell.round_trip_only ? "-" : time(over_phases(cell, place)));
  const double away =
      cell.waits ? wait(cell) : over_phases(cell, Place::waiting) + over_phases(cell, Place::unknown);
  cells.push_back(cell.round_trip_only ? "-" : time(away));
  const auto times = analysis::ratio(cell, base);
  cells.push_back(times ? plain_number(*times) : "-");
  return cells;
}

std::string remarks(const Cell& cell, const Cell* base, recording::TimeKind kind) {
  std::string text;
  if (cell.skipped) return wrapped(fmt::format("  {}: left out: {}", cell.path, printable(*cell.skipped)));
  if (cell.incomplete != 0) {
    text += wrapped(fmt::format("  {}: {} more events are not counted: their interrupt came before U0",
                                cell.path, cell.incomplete));
  }
  if (const auto difference = analysis::difference(cell, base))
    text += wrapped("  " + difference_sentence(cell, *difference, kind));
  return text;
}

std::string block(const Comparison& comparison, const Comparison::Workload& workload) {
  Table table({{"path", Align::left},
               {"user"},
               {"kern."},
               {"async"},
               {"p50"},
               {"p99"},
               {"max"},
               {"mean"},
               {"deliv."},
               {"handl."},
               {"return"},
               {"guest"},
               {"KVM"},
               {"VMM"},
               {"wait"},
               {fmt::format("x {}", comparison.base)}});
  const Cell* base = comparison.find(comparison.base, workload.name);
  std::string below;
  bool waits = false;
  for (const std::string& path : comparison.paths) {
    const Cell* cell = comparison.find(path, workload.name);
    if (cell == nullptr) continue;
    waits = waits || cell->waits;
    if (!cell->skipped && cell->events != 0) table.add(row(*cell, base, comparison.info.time_kind));
    below += remarks(*cell, base, comparison.info.time_kind);
  }
  std::string title = fmt::format("\n{}: {}", workload.name, workload.summary);
  if (waits) title += " (the wait for it is apart)";
  return (table.empty() ? title + "\n" : table.text(title)) + below;
}

}  // namespace

std::string compare_text(const Comparison& comparison) {
  std::string text = header(comparison);
  for (const auto& workload : comparison.workloads)
    text += block(comparison, workload);
  return text;
}

}  // namespace trapline::viewer
