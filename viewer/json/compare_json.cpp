#include "viewer/json/compare_json.h"

#include "viewer/difference_sentence.h"
#include "viewer/json/distribution_json.h"
#include "viewer/json/machine_json.h"

namespace trapline::viewer {
namespace {

using analysis::Cell;
using analysis::Comparison;
using analysis::kAllPhases;
using analysis::kAllPlaces;
using analysis::Phase;
using analysis::Place;
using nlohmann::json;

std::string key(Place place) {
  return std::string(analysis::place_name(place)) + "_ns";
}

// Sums over all events: they add up to the sum of the phase.
json where(const analysis::PlaceTimes& times) {
  json object = json::object();
  for (const Place place : kAllPlaces)
    object[key(place)] = times[static_cast<std::size_t>(place)];
  return object;
}

json phases(const Cell& cell) {
  if (!cell.has_handler()) return nullptr;
  json object = json::object();
  for (const Phase phase : kAllPhases) {
    const auto index = static_cast<std::size_t>(phase);
    json one = distribution_json(cell.phases[index]);
    one["where_total"] = where(cell.where[index]);
    object[std::string(analysis::phase_name(phase))] = std::move(one);
  }
  return object;
}

// Of the cost, per event on average.
json where_per_event(const Cell& cell) {
  json object = json::object();
  for (const Place place : kAllPlaces) {
    double ns = 0;
    for (const Phase phase : kAllPhases)
      ns += cell.cost_ns(phase, place);
    object[key(place)] = ns;
  }
  return object;
}

json exits_per_event(const Cell& cell) {
  const auto each = [&](std::uint64_t count) {
    return static_cast<double>(count) / static_cast<double>(cell.events);
  };
  return {{"user", each(cell.user_exits)},
          {"kernel", each(cell.kernel_exits)},
          {"async", each(cell.async_exits)}};
}

json difference(const Cell& cell, const Cell* base, const Comparison& comparison) {
  const auto found = analysis::difference(cell, base);
  if (!found) return nullptr;
  return {{"ns", found->ns},
          {"measurable", found->measurable},
          {"place", analysis::place_name(found->place)},
          {"phase", found->by_phase ? json(analysis::phase_name(found->phase)) : json(nullptr)},
          {"contribution_ns", found->contribution_ns},
          {"sentence", difference_sentence(cell, *found, comparison.info.time_kind, comparison.base)}};
}

json cell_json(const Cell& cell, const Comparison& comparison) {
  json object = {{"path", cell.path}, {"workload", cell.workload}, {"skipped", nullptr}};
  if (cell.skipped) {
    object["skipped"] = *cell.skipped;
    return object;
  }
  const Cell* base = comparison.find(comparison.base, cell.workload);
  const auto times = analysis::ratio(cell, base);
  object["events"] = cell.events;
  object["incomplete"] = cell.incomplete;
  object["waits"] = cell.waits;
  object["round_trip"] = distribution_json(cell.round_trip);
  object["cost"] = distribution_json(cell.cost);
  object["ratio"] = times ? json(*times) : json(nullptr);
  object["recordings"] = cell.recordings;
  // What only a VM has.
  object["exits_per_event"] =
      cell.round_trip_only || cell.events == 0 ? json(nullptr) : exits_per_event(cell);
  object["phases"] = phases(cell);
  object["where"] = cell.round_trip_only ? json(nullptr) : where_per_event(cell);
  object["difference"] = difference(cell, base, comparison);
  return object;
}

json stamp_cost(const Comparison& comparison) {
  if (!comparison.stamp_cost) return nullptr;
  const auto& cost = *comparison.stamp_cost;
  return {{"between_ns", cost.between_ns},
          {"each_ns", cost.each_ns},
          {"in_round_trip_ns", cost.in_round_trip_ns(true)},
          {"in_round_trip_without_handler_ns", cost.in_round_trip_ns(false)},
          {"samples", cost.samples}};
}

}  // namespace

json compare_json(const Comparison& comparison) {
  const auto& info = comparison.info;
  json workloads = json::array();
  for (const auto& workload : comparison.workloads)
    workloads.push_back({{"name", workload.name}, {"summary", workload.summary}});
  json cells = json::array();
  for (const Cell& cell : comparison.cells)
    cells.push_back(cell_json(cell, comparison));
  json document = {{"schema", "trapline.compare/1"},
                   {"time", {{"kind", recording::time_kind_name(info.time_kind)}}},
                   {"context", machine_json(info)},
                   {"base", comparison.base},
                   {"rounds", comparison.rounds},
                   {"warm_up", comparison.warm_up},
                   {"lost", {{"records", comparison.records_lost}}},
                   {"clock", {{"bound_ns", comparison.clock_bound_ns}}},
                   {"probe_cost", nullptr},
                   {"stamp_cost", stamp_cost(comparison)},
                   {"paths", comparison.paths},
                   {"workloads", workloads},
                   {"cells", cells}};
  document["context"]["emulator"] = comparison.emulator;
  if (comparison.probe_cost) document["probe_cost"] = {{"per_exit_ns", comparison.probe_cost->per_exit_ns}};
  return document;
}

}  // namespace trapline::viewer
