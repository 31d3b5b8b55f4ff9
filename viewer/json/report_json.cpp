#include "viewer/json/report_json.h"

#include <algorithm>

#include "tracer/exits/vectors.h"
#include "viewer/json/distribution_json.h"
#include "viewer/json/machine_json.h"

namespace trapline::viewer {
namespace {

using analysis::Summary;
using nlohmann::json;

json exits(const Summary& summary) {
  json rows = json::array();
  for (const auto& row : summary.exits) {
    json object = distribution_json(row.duration);
    object["vm"] = 0;
    object["vcpu"] = row.vcpu;
    object["reason"] = row.reason;
    object["key"] = row.key;
    object["cause"] = tracer::cause_name(row.cause);
    object["count"] = row.count();
    object["open"] = row.open;
    object["kvm_ns"] = row.kvm_ns;
    object["vmm_ns"] = row.vmm_ns;
    rows.push_back(std::move(object));
  }
  return rows;
}

json interrupts(const Summary& summary) {
  json by_vector = json::array();
  std::uint64_t total = 0;
  std::uint64_t complete = 0;
  std::uint64_t no_entry = 0;
  for (const auto& row : summary.vectors) {
    total += row.injected;
    complete += row.isr_returned;
    no_entry += row.injected - std::min(row.injected, row.isr_entered);
    by_vector.push_back({{"vcpu", row.vcpu},
                         {"vector", row.vector},
                         {"name", tracer::vector_name(row.vector)},
                         {"exception", row.exception},
                         {"injected", row.injected},
                         {"reinjected", row.reinjected},
                         {"isr_entries", row.isr_entered},
                         {"irets", row.isr_returned},
                         {"entry_latency", distribution_json(row.entry_latency)},
                         {"isr_duration", distribution_json(row.isr_duration)}});
  }
  const std::uint64_t missing = total - std::min(total, complete);
  return {{"total", total},
          {"complete", complete},
          {"missing", {{"isr_entry", no_entry}, {"iret", missing - std::min(missing, no_entry)}}},
          {"by_vector", by_vector}};
}

json vmm_steps(const Summary& summary) {
  json rows = json::array();
  for (const auto& row : summary.steps) {
    json object = distribution_json(row.duration);
    object["vcpu"] = row.vcpu;
    object["step"] = row.step;
    rows.push_back(std::move(object));
  }
  return rows;
}

json workloads(const Summary& summary) {
  json rows = json::array();
  for (const auto& row : summary.workloads) {
    const auto per_event = [&](std::uint64_t count) {
      return static_cast<double>(count) / static_cast<double>(row.events);
    };
    rows.push_back({{"vcpu", row.vcpu},
                    {"workload", row.workload},
                    {"events", row.events},
                    {"round_trip", distribution_json(row.round_trip)},
                    {"phases",
                     {{"delivery", distribution_json(row.delivery)},
                      {"handler", distribution_json(row.handler)},
                      {"return", distribution_json(row.return_)}}},
                    {"exits_per_event",
                     {{"user", per_event(row.user_exits)},
                      {"kernel", per_event(row.kernel_exits)},
                      {"async", per_event(row.async_exits)}}}});
  }
  return rows;
}

json accounting(const Summary& summary) {
  json rows = json::array();
  for (const auto& row : summary.states) {
    json states = json::object();
    for (const auto& [state, ns] : row.states)
      states[std::string(tracer::state_name(state))] = ns;
    rows.push_back({{"vm", 0}, {"vcpu", row.vcpu}, {"traced_ns", row.traced_ns}, {"states", states}});
  }
  return rows;
}

json truth(const Summary& summary) {
  json guest = json::array();
  for (const auto& row : summary.truth) {
    guest.push_back({{"vcpu", row.vcpu},
                     {"what", row.what},
                     {"guest", row.guest},
                     {"recorded", row.recorded},
                     {"equal", row.agrees()}});
  }
  json kvm = json::array();
  for (const auto& row : summary.kvm_stats) {
    kvm.push_back({{"vcpu", row.vcpu},
                   {"counter", row.name},
                   {"kvm", row.kvm},
                   {"recorded", row.recorded},
                   {"equal", row.agrees()}});
  }
  return {{"guest", guest}, {"kvm", kvm}};
}

json context(const Summary& summary) {
  json object = machine_json(summary.info);
  object["tsc_khz"] = summary.info.tsc_khz;
  object["path"] = summary.info.path;
  object["ended"] = summary.ended;
  object["traced_ns"] = summary.traced_ns;
  return object;
}

}  // namespace

json report_json(const Summary& summary) {
  const auto& info = summary.info;
  json document = {{"schema", "trapline.report/1"},
                   {"time", {{"kind", recording::time_kind_name(info.time_kind)}}},
                   {"context", context(summary)},
                   {"lost", {{"records", summary.records_lost}, {"cut_files", summary.cut_files}}},
                   {"unattributed", summary.unattributed},
                   {"clock",
                    {{"bound_ns", summary.clock_bound_ns},
                     {"sync_error_ns", summary.stamp_check.worst_violation_ns},
                     {"stamps", summary.stamp_check.checked},
                     {"violations", summary.stamp_check.outside}}},
                   {"probe_cost", nullptr},
                   {"exits", exits(summary)},
                   {"interrupts", interrupts(summary)},
                   {"vmm_steps", vmm_steps(summary)},
                   {"workloads", workloads(summary)},
                   {"accounting", accounting(summary)},
                   {"counted_elsewhere", truth(summary)}};
  if (summary.probe_cost) {
    document["probe_cost"] = {{"per_exit_ns", summary.probe_cost->per_exit_ns},
                              {"traced_ns", summary.probe_cost->traced_ns},
                              {"untraced_ns", summary.probe_cost->untraced_ns},
                              {"exits", summary.probe_cost->exits}};
  }
  return document;
}

}  // namespace trapline::viewer
