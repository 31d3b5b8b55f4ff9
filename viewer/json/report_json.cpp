#include "viewer/json/report_json.h"

#include <fmt/format.h>

#include <algorithm>

#include "tracer/exits/vectors.h"
#include "viewer/json/distribution_json.h"
#include "viewer/json/machine_json.h"

namespace trapline::viewer {
namespace {

using analysis::ExitKey;
using analysis::Summary;
using nlohmann::json;

// Of each reason, where nothing else is asked for.
constexpr std::size_t kTopRipsInJson = 20;

// Whose a row is.
json of_vcpu(json object, const Summary& summary, std::uint16_t vcpu) {
  const auto of = summary.machines.vcpu(vcpu);
  object["vm"] = of.vm;
  object["vcpu"] = of.vcpu_id;
  return object;
}

double percent_of(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

// What every row of exits says of its figures.
json figures(const Summary& summary, const analysis::ExitFigures& of) {
  const Distribution& handling = of.handling();
  json object = distribution_json(of.duration);
  object["count"] = of.count();
  object["count_percent"] = percent_of(of.count(), summary.all_exits.count);
  object["time_percent"] = percent_of(handling.total(), summary.all_exits.handling_ns);
  object["avg_stddev_percent"] = of.duration.relative_stddev_percent();
  object["open"] = of.open;
  object["kvm_ns"] = of.kvm_ns;
  object["vmm_ns"] = of.vmm_ns;
  object["halts"] = of.halts;
  object["halt_poll_ns"] = of.halt_poll_ns;
  object["halted_ns"] = of.halted_ns;
  object["wake_delay_ns"] = of.wake_delay_ns;
  object["handling_ns"] = handling.total();
  object["handling"] = of.without_waits ? distribution_json(handling) : json(nullptr);
  return object;
}

json exits(const Summary& summary, const ReportView& view) {
  json rows = json::array();
  for (const analysis::ExitRow* row : sorted_exits(summary, view)) {
    json object = of_vcpu(figures(summary, *row), summary, row->vcpu);
    object["reason"] = row->reason;
    object["key"] = row->key;
    object["cause"] = tracer::cause_name(row->cause);
    rows.push_back(std::move(object));
  }
  return rows;
}

std::string_view key_name(ExitKey key) {
  return analysis::exit_key_names()[static_cast<std::size_t>(key)];
}

// What a group's key says; null where it says nothing. Addresses are hex strings.
void put_key(json& object, const Summary& summary, const analysis::ExitGroup& group, ExitKey key,
             const ReportView& view) {
  const auto value = group.value(key);
  const std::string name(key_name(key));
  if (key == ExitKey::vcpu) {
    object = of_vcpu(std::move(object), summary, static_cast<std::uint16_t>(*value));
  } else if (!value) {
    object[name] = nullptr;
  } else if (key == ExitKey::reason) {
    object[name] = summary.groups->reasons[*value];
  } else if (key == ExitKey::rip || key == ExitKey::mmio) {
    object[name] = fmt::format("{:#x}", *value);
  } else {
    object[name] = *value;
  }
  if (key != ExitKey::rip) return;
  const auto place = value ? view.symbols.find(*value) : std::nullopt;
  object["symbol"] = place ? json(place->text()) : json(nullptr);
}

json groups(const Summary& summary, const ReportView& view) {
  if (!summary.groups) return nullptr;
  const analysis::ExitGroups& of = *summary.groups;
  json keys = json::array();
  for (const ExitKey key : of.by)
    keys.push_back(key_name(key));
  json rows = json::array();
  auto sorted = sorted_groups(of, view);
  sorted.resize(shown(sorted.size(), view));
  for (const analysis::ExitGroup* row : sorted) {
    json object = figures(summary, *row);
    for (const ExitKey key : of.by)
      put_key(object, summary, *row, key, view);
    const std::string_view access = tracer::access_name(row->access);
    object["access"] = access.empty() ? json(nullptr) : json(access);
    rows.push_back(std::move(object));
  }
  const auto rest = [](const analysis::ExitFigures& left_out) {
    return json{{"count", left_out.count()},
                {"total_ns", left_out.duration.total()},
                {"handling_ns", left_out.handling().total()}};
  };
  return {{"keys", keys},
          {"rows", rows},
          {"rows_not_shown", of.rows.size() - rows.size()},
          {"without_key", rest(of.without_key)},
          {"beyond_limit", rest(of.beyond_limit)}};
}

json guest_code(const Summary& summary, const ReportView& view) {
  json reasons = json::array();
  for (const analysis::GuestCode& code : summary.guest_code) {
    json rips = json::array();
    const std::size_t places = std::min(code.rips.size(), view.top.value_or(kTopRipsInJson));
    for (std::size_t i = 0; i < places; ++i) {
      const analysis::RipRow& row = code.rips[i];
      const auto place = view.symbols.find(row.rip);
      rips.push_back({{"rip", fmt::format("{:#x}", row.rip)},
                      {"symbol", place ? json(place->text()) : json(nullptr)},
                      {"count", row.count},
                      {"handling_ns", row.handling_ns},
                      {"max_ns", row.max_ns}});
    }
    reasons.push_back({{"vm", code.vm},
                       {"reason", code.reason},
                       {"handling_ns", code.handling_ns()},
                       {"rips", rips},
                       {"rips_not_shown", code.rips.size() - places},
                       {"unknown", code.unknown},
                       {"beyond_limit", code.others.count}});
  }
  return reasons;
}

json halts(const Summary& summary) {
  json rows = json::array();
  for (const analysis::HaltRow& row : summary.halts) {
    rows.push_back(
        of_vcpu({{"polled", row.polled},
                 {"slept", row.slept},
                 {"halt_poll_ns", row.halt_poll_ns},
                 {"halted_ns", row.halted_ns},
                 {"poll_window_ns", row.poll_window_ns ? json(*row.poll_window_ns) : json(nullptr)}},
                summary, row.vcpu));
  }
  return rows;
}

json scheduling(const Summary& summary) {
  json rows = json::array();
  for (const analysis::SchedulingRow& row : summary.scheduling) {
    rows.push_back(of_vcpu({{"preempted", distribution_json(row.preempted)},
                            {"woken", distribution_json(row.woken)},
                            {"steal_ns", row.steal_ns()}},
                           summary, row.vcpu));
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
  std::uint64_t posted = 0;
  for (const auto& row : summary.interrupts.rows) {
    posted += row.posted;
    by_vector.push_back(
        of_vcpu({{"vector", row.vector},
                 {"name", tracer::vector_name(row.vector)},
                 {"source", tracer::source_name(row.source)},
                 {"count", row.count},
                 {"per_second", analysis::per_second(row.count, summary.traced_ns_of(row.vcpu))},
                 {"complete", row.complete},
                 {"eoi_exits", row.eoi_exits},
                 {"seen", by_link(row.seen)},
                 {"kicked", row.seen[static_cast<std::size_t>(tracer::Link::kicked)]},
                 {"missing", by_link(row.missing)},
                 {"coalesced", row.coalesced},
                 {"reinjected", row.reinjected},
                 {"delivered_twice", row.delivered_twice},
                 {"masked", row.masked},
                 {"nested", row.nested},
                 {"posted", row.posted},
                 {"latency", latencies(row)}},
                summary, row.vcpu));
  }
  return {{"total", summary.interrupts.total},
          {"complete", summary.interrupts.complete},
          {"missing", by_link(summary.interrupts.missing)},
          {"apicv", recording::apicv_name(summary.info.apicv)},
          {"posted", posted},
          {"hidden", hidden_interrupts(summary)},
          {"by_vector", by_vector}};
}

json vmm_steps(const Summary& summary) {
  json rows = json::array();
  for (const auto& row : summary.steps) {
    json object = of_vcpu(distribution_json(row.duration), summary, row.vcpu);
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
    rows.push_back(of_vcpu({{"workload", row.workload},
                            {"events", row.events},
                            {"round_trip", distribution_json(row.round_trip)},
                            {"phases",
                             {{"delivery", distribution_json(row.delivery)},
                              {"handler", distribution_json(row.handler)},
                              {"return", distribution_json(row.return_)}}},
                            {"exits_per_event",
                             {{"user", per_event(row.user_exits)},
                              {"kernel", per_event(row.kernel_exits)},
                              {"async", per_event(row.async_exits)}}}},
                           summary, row.vcpu));
  }
  return rows;
}

json accounting(const Summary& summary) {
  json rows = json::array();
  for (const auto& row : summary.states) {
    json states = json::object();
    for (const auto& [state, ns] : row.states)
      states[std::string(tracer::state_name(state))] = ns;
    rows.push_back(of_vcpu({{"traced_ns", row.traced_ns}, {"states", states}}, summary, row.vcpu));
  }
  return rows;
}

json truth(const Summary& summary) {
  json guest = json::array();
  for (const auto& row : summary.truth) {
    guest.push_back(of_vcpu(
        {{"what", row.what}, {"guest", row.guest}, {"recorded", row.recorded}, {"equal", row.agrees()}},
        summary, row.vcpu));
  }
  json kvm = json::array();
  for (const auto& row : summary.kvm_stats) {
    kvm.push_back(of_vcpu(
        {{"counter", row.name}, {"kvm", row.kvm}, {"recorded", row.recorded}, {"equal", row.agrees()}},
        summary, row.vcpu));
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

json report_json(const Summary& summary, const ReportView& view) {
  const auto& info = summary.info;
  json document = {
      {"schema", "trapline.report/1"},
      {"time", {{"kind", recording::time_kind_name(info.time_kind)}}},
      {"context", context(summary)},
      {"lost", {{"records", summary.whole.records_lost}, {"cut_files", summary.whole.cut_files}}},
      {"unattributed", summary.whole.unattributed},
      {"filter", {{"exits", info.filter}, {"left_out", summary.whole.filtered}}},
      {"clock",
       {{"bound_ns", summary.clock_bound_ns},
        {"sync_error_ns", summary.stamp_check.worst_violation_ns},
        {"stamps", summary.stamp_check.checked},
        {"violations", summary.stamp_check.outside}}},
      {"probe_cost", nullptr},
      {"vms", vms_json(summary.machines)},
      {"all_exits", {{"count", summary.all_exits.count}, {"handling_ns", summary.all_exits.handling_ns}}},
      {"exits", exits(summary, view)},
      {"by", groups(summary, view)},
      {"guest_code", guest_code(summary, view)},
      {"halts", halts(summary)},
      {"scheduling", scheduling(summary)},
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
