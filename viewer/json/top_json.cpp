#include "viewer/json/top_json.h"

#include <nlohmann/json.hpp>

#include "tracer/live/live_lines.h"

namespace trapline::viewer {
namespace {

using nlohmann::json;
using tracer::LiveLine;
using tracer::LiveView;

void add_figures(json& object, const tracer::LiveFigures& figures) {
  object["total_ns"] = figures.total_ns;
  object["avg_ns"] = figures.mean_ns();
  object["p50_ns"] = figures.percentile_ns(50);
  object["p99_ns"] = figures.percentile_ns(99);
  object["max_ns"] = figures.max_ns;
}

void add_states(json& object, const LiveLine& line) {
  object["lived_ns"] = line.lived_ns;
  object["states"] = {
      {"guest", line.guest_ns}, {"kvm", line.kvm_ns}, {"user", line.user_ns}, {"halted", line.halted_ns}};
}

json exits(const LiveLine& line, const char* name) {
  json object = {{name, line.name},     {"count", line.count},     {"to_user", line.to_user},
                 {"vcpus", line.vcpus}, {"time_ns", line.time_ns}, {"user_ns", line.user_ns},
                 {"waits", line.halts}};
  add_figures(object, line.figures);
  return object;
}

json vector(const LiveLine& line) {
  json object = {{"vector", line.name},
                 {"injected", line.count},
                 {"accepted", line.accepted},
                 {"posted", line.posted},
                 {"timed", line.figures.count}};
  add_figures(object, line.figures);
  return object;
}

json vcpu(const LiveLine& line) {
  json object = {{"vm", line.vm}, {"vcpu", line.vcpu_id}, {"tid", line.thread}, {"exits", line.count}};
  add_states(object, line);
  add_figures(object, line.figures);
  return object;
}

json vm(const LiveLine& line) {
  json object = {{"vm", line.name}, {"pid", line.thread}, {"vcpus", line.vcpus}, {"exits", line.count}};
  add_states(object, line);
  add_figures(object, line.figures);
  return object;
}

template <typename Row>
json rows(const tracer::LiveInterval& interval, LiveView view, Row row) {
  json array = json::array();
  for (const LiveLine& line : tracer::lines_of(interval, view))
    array.push_back(row(line));
  return array;
}

json losses(const tracer::LiveLosses& lost) {
  return {{"exits_not_told_apart", lost.exits_without_row},
          {"interrupts_not_told_apart", lost.vectors_without_row},
          {"vcpus_not_followed", lost.not_followed},
          {"probes_skipped", lost.skipped},
          {"interrupts_unattributed", lost.unattributed}};
}

}  // namespace

std::string top_json(const tracer::LiveInterval& interval, recording::TimeKind time) {
  const json document = {
      {"schema", "trapline.top/1"},
      {"time", {{"kind", recording::time_kind_name(time)}}},
      {"interval", {{"from_ns", interval.from_ns}, {"to_ns", interval.to_ns}}},
      {"lost", losses(interval.losses)},
      {"exits", tracer::total_of(interval).count},
      {"reasons",
       rows(interval, LiveView::reason, [](const LiveLine& line) { return exits(line, "reason"); })},
      {"ports", rows(interval, LiveView::port, [](const LiveLine& line) { return exits(line, "port"); })},
      {"vectors", rows(interval, LiveView::vector, vector)},
      {"vcpus", rows(interval, LiveView::vcpu, vcpu)},
      {"vms", rows(interval, LiveView::vm, vm)},
  };
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace trapline::viewer
