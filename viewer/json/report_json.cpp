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

json by_link(const std::array<std::uint64_t, tracer::kLinks>& counts) {
  json object = json::object();
  for (std::size_t i = 0; i < tracer::kLinks; ++i) {
    // No interrupt is incomplete for want of a kick: one that finds its vCPU in KVM needs none.
    const auto link = static_cast<tracer::Link>(i);
    if (link != tracer::Link::kicked) object[std::string(tracer::link_name(link))] = counts[i];
  }
  return object;
}

json latencies(const analysis::InterruptRow& row) {
  json object = json::object();
  for (std::size_t i = 0; i < analysis::kStretches.size(); ++i) {
    const analysis::Latency& latency = row.latencies[i];
    if (latency.duration.count() == 0) continue;
    json figures = distribution_json(latency.duration);
    figures["max_at_ns"] = latency.worst_at_ns;
    object[std::string(analysis::kStretches[i].name)] = std::move(figures);
  }
  return object;
}

json interrupts(const Summary& summary) {
  json by_vector = json::array();
  for (const auto& row : summary.interrupts.rows) {
    by_vector.push_back({{"vm", 0},
                         {"vcpu", row.vcpu},
                         {"vector", row.vector},
                         {"name", tracer::vector_name(row.vector)},
                         {"source", tracer::source_name(row.source)},
                         {"count", row.count},
                         {"complete", row.complete},
                         {"seen", by_link(row.seen)},
                         {"kicked", row.seen[static_cast<std::size_t>(tracer::Link::kicked)]},
                         {"missing", by_link(row.missing)},
                         {"coalesced", row.coalesced},
                         {"reinjected", row.reinjected},
                         {"masked", row.masked},
                         {"nested", row.nested},
                         {"posted", row.posted},
                         {"latency", latencies(row)}});
  }
  return {{"total", summary.interrupts.total},
          {"complete", summary.interrupts.complete},
          {"missing", by_link(summary.interrupts.missing)},
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
  object["ended"] = summary.whole.ended;
  object["traced_ns"] = summary.traced_ns;
  return object;
}

}  // namespace

json report_json(const Summary& summary) {
  const auto& info = summary.info;
  json document = {
      {"schema", "trapline.report/1"},
      {"time", {{"kind", recording::time_kind_name(info.time_kind)}}},
      {"context", context(summary)},
      {"lost", {{"records", summary.whole.records_lost}, {"cut_files", summary.whole.cut_files}}},
      {"unattributed", summary.whole.unattributed},
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
