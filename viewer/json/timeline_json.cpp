#include "viewer/json/timeline_json.h"

#include <fmt/format.h>

#include <set>

#include "analysis/completeness.h"
#include "viewer/json/machine_json.h"

namespace trapline::viewer {
namespace {

using nlohmann::json;
using recording::RecordingReader;

json context(const RecordingReader& reader, const std::string& ended, const tracer::TimelineHead& head) {
  const auto& info = reader.info();
  json object = machine_json(info);
  object["tsc_khz"] = info.tsc_khz;
  object["path"] = info.path;
  object["ended"] = ended;
  object["origin_monotonic_ns"] = fmt::format("{}", head.begin.value);
  object["started_unix_ns"] = fmt::format("{}", info.started_unix_ns);
  return object;
}

// The numbers of what is in `vcpus`, each once.
json numbers_json(const tracer::RecordedVms& machines, const std::vector<std::uint16_t>& vcpus,
                  std::uint16_t tracer::VcpuOfVm::*which) {
  std::set<std::uint16_t> numbers;
  for (const std::uint16_t vcpu : vcpus)
    numbers.insert(machines.vcpu(vcpu).*which);
  return numbers;
}

json window_json(const tracer::TimelineWindow::Limits& window, const tracer::RecordedVms& machines) {
  json object = {{"from_ns", window.from_ns}, {"to_ns", nullptr}, {"vcpus", nullptr}, {"vms", nullptr}};
  if (window.to_ns != tracer::TimelineWindow::Limits{}.to_ns) object["to_ns"] = window.to_ns;
  if (!window.vcpus.empty()) {
    object["vcpus"] = numbers_json(machines, window.vcpus, &tracer::VcpuOfVm::vcpu_id);
    object["vms"] = numbers_json(machines, window.vcpus, &tracer::VcpuOfVm::vm);
  }
  return object;
}

// Bytes of unknown origin become text on the way: a recording is not trusted to hold UTF-8.
std::string text_of(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

TimelineJson::TimelineJson(const RecordingReader& reader, const tracer::TimelineHead& head,
                           const tracer::TimelineWindow::Limits& window, TextSink& sink)
    : json_(sink) {
  const auto whole = analysis::completeness_of(reader);
  const std::pair<std::string_view, json> facts[] = {
      {"schema", "trapline.timeline/1"},
      {"time", {{"kind", recording::time_kind_name(reader.info().time_kind)}}},
      {"lost", {{"records", whole.records_lost}, {"cut_files", whole.cut_files}}},
      {"unattributed", whole.unattributed},
      {"clock", {{"bound_ns", head.clock_bound_ns}}},
      {"window", window_json(window, head.machines)},
      {"vms", vms_json(head.machines)},
      {"context", context(reader, whole.ended, head)},
  };
  json_.begin_object();
  for (const auto& [key, value] : facts) {
    json_.line_break();
    json_.key(key);
    json_.rendered(text_of(value));
  }
}

void TimelineJson::begin_table(std::string_view name, std::span<const std::string_view> columns) {
  keys_.clear();
  for (const std::string_view column : columns)
    keys_.push_back(json_quoted(column));
  json_.line_break();
  json_.key(name);
  json_.begin_array();
}

void TimelineJson::begin_row() {
  json_.line_break();
  json_.begin_object();
  column_ = 0;
}

void TimelineJson::count(std::uint64_t value) {
  next_key();
  json_.number(value);
}

void TimelineJson::nanoseconds(std::int64_t value) {
  next_key();
  json_.number(value);
}

void TimelineJson::address(std::uint64_t value) {
  next_key();
  json_.hex(value);
}

void TimelineJson::text(std::string_view value) {
  next_key();
  json_.string(value);
}

void TimelineJson::flag(bool value) {
  next_key();
  json_.boolean(value);
}

void TimelineJson::words(std::span<const std::string_view> values) {
  next_key();
  json_.begin_array();
  for (const std::string_view value : values)
    json_.string(value);
  json_.end_array();
}

Status TimelineJson::finish() {
  json_.end_object();
  return json_.finish();
}

}  // namespace trapline::viewer
