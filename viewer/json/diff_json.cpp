#include "viewer/json/diff_json.h"

#include <optional>

#include "analysis/interrupts.h"
#include "viewer/json/machine_json.h"
#include "viewer/vector_label.h"

namespace trapline::viewer {
namespace {

using analysis::Change;
using analysis::Diff;
using analysis::DiffRow;
using analysis::RowKind;
using nlohmann::json;

json optional_number(std::optional<double> number) {
  return number ? json(*number) : json(nullptr);
}

json recording_json(const analysis::DiffSide& side) {
  json context = machine_json(side.info);
  context["path"] = side.info.path;
  context["ended"] = side.whole.ended;
  context["traced_ns"] = side.traced_ns;
  context["vcpus"] = side.vcpus;
  json object = {
      {"context", std::move(context)},
      {"lost", {{"records", side.whole.records_lost}, {"cut_files", side.whole.cut_files}}},
      {"clock", {{"bound_ns", side.clock_bound_ns}}},
      {"probe_cost", nullptr},
  };
  if (side.probe_cost) object["probe_cost"] = {{"per_exit_ns", side.probe_cost->per_exit_ns}};
  return object;
}

json change_json(const Change& change) {
  json object = {{"a", change.a},
                 {"b", change.b},
                 {"difference", change.difference()},
                 {"percent", optional_number(change.percent(change.difference()))},
                 {"interval", nullptr},
                 {"verdict", verdict_name(change.verdict)},
                 {"measurable", change.measurable()}};
  if (change.verdict != analysis::Verdict::too_few) {
    object["interval"] = {{"low", change.interval.low},
                          {"high", change.interval.high},
                          {"low_percent", optional_number(change.percent(change.interval.low))},
                          {"high_percent", optional_number(change.percent(change.interval.high))}};
  }
  return object;
}

void add_subject(json& object, const analysis::RowKey& key) {
  switch (key.kind) {
    case RowKind::exit:
      object["reason"] = key.reason;
      object["key"] = key.key;
      object["cause"] = tracer::cause_name(key.cause);
      return;
    case RowKind::latency:
      object["stretch"] = analysis::kStretches[key.stretch].name;
      [[fallthrough]];
    case RowKind::interrupt:
      object["vector"] = key.vector;
      object["vector_name"] = vector_label(key.vector);
      object["source"] = tracer::source_name(key.source);
      return;
    case RowKind::state:
      object["state"] = tracer::state_name(key.state);
  }
}

json row_json(const DiffRow& row, const std::string& name) {
  json changes = json::object();
  for (const Change& change : row.changes)
    changes[std::string(metric_name(change.metric))] = change_json(change);
  json object = {{"kind", analysis::row_kind_name(row.key.kind)},
                 {"name", name},
                 {"vcpu", row.key.vcpu ? json(*row.key.vcpu) : json(nullptr)},
                 {"in", row.in_both() ? "both" : (row.only_in_a() ? "a" : "b")},
                 {"count_a", row.count_a},
                 {"count_b", row.count_b},
                 {"differs", row.differs},
                 {"changes", std::move(changes)}};
  add_subject(object, row.key);
  return object;
}

json outcome_json(const analysis::ConditionOutcome& outcome, const std::vector<std::string>& names) {
  json failed = json::array();
  for (const std::size_t i : outcome.failed)
    failed.push_back(names[i]);
  return {{"condition", outcome.condition.text},
          {"holds", !outcome.failed.empty()},
          {"rows", std::move(failed)},
          {"judged", outcome.judged},
          {"too_few_samples", outcome.not_judged}};
}

}  // namespace

json diff_json(const Diff& diff, const std::vector<std::string>& names,
               const std::vector<analysis::ConditionOutcome>& outcomes) {
  json rows = json::array();
  for (std::size_t i = 0; i < diff.rows.size(); ++i)
    rows.push_back(row_json(diff.rows[i], names[i]));
  json conditions = json::array();
  for (const auto& outcome : outcomes)
    conditions.push_back(outcome_json(outcome, names));
  return {{"schema", "trapline.diff/1"},
          {"time", {{"kind", recording::time_kind_name(diff.a.info.time_kind)}}},
          {"a", recording_json(diff.a)},
          {"b", recording_json(diff.b)},
          {"warnings", diff.warnings},
          {"intervals",
           {{"level", analysis::kIntervalLevel},
            {"resamples", analysis::kResamples},
            {"slices", analysis::kSlices},
            {"block_slices", analysis::block_length(analysis::kSlices)},
            {"count", diff.compared}}},
          {"rows", std::move(rows)},
          {"rows_left_out", diff.rows_left_out},
          {"fail_on", std::move(conditions)}};
}

}  // namespace trapline::viewer
