#include "viewer/tables/diff_table.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "viewer/tables/printable.h"
#include "viewer/tables/table.h"
#include "viewer/tables/time_note.h"

namespace trapline::viewer {
namespace {

using analysis::Change;
using analysis::Diff;
using analysis::DiffRow;
using analysis::DiffSide;
using analysis::Metric;
using analysis::RowKind;
using analysis::Verdict;
using Names = std::vector<std::string>;

constexpr double kPercent = 100 * analysis::kIntervalLevel;

std::string header(const DiffSide& side, std::string_view name) {
  const auto& info = side.info;
  std::string text =
      fmt::format("{}: {} of {} traced, {} vCPU{}, path {}, Linux {}, {}\n", name,
                  printable(side.whole.ended), short_time(static_cast<double>(side.traced_ns)), side.vcpus,
                  side.vcpus == 1 ? "" : "s", info.path.empty() ? "-" : printable(info.path),
                  printable(info.kernel_release), recording::isa_name(info.isa));
  text += fmt::format("   lost records: {}; clock: error bound {} ns; probes: {}", side.whole.records_lost,
                      side.clock_bound_ns, printable(info.mode));
  if (side.probe_cost) text += fmt::format("; {} ns per exit", side.probe_cost->per_exit_ns);
  return text + fmt::format("\n   {}\n", printable(info.command_line));
}

// Four significant digits, with its sign if asked for.
std::string number(double value, bool sign) {
  const std::string text =
      std::abs(value) < 1e4 ? fmt::format("{:.4g}", value) : fmt::format("{:.0f}", value);
  return sign && value >= 0 ? "+" + text : text;
}

std::string value(Metric metric, double value) {
  switch (metric) {
    case Metric::count:
      return fmt::format("{:.0f}", value);
    case Metric::rate:
      return number(value, false) + "/s";
    case Metric::share:
      return fmt::format("{:.4g} %", 100 * value);
    case Metric::p50:
    case Metric::p99:
    case Metric::total:
      break;
  }
  return short_time(value);
}

// A difference as a number and what it is of; shares differ by points, others by percent of what A had.
struct Unit {
  double size;
  std::string_view name;
};
Unit unit_of(const Change& change) {
  if (change.metric == Metric::share) return {0.01, "points"};
  return {change.a / 100, "%"};
}

std::string difference(const Change& change) {
  const Unit unit = unit_of(change);
  if (change.difference() == 0) return "0";
  if (unit.size == 0) return "new";
  return fmt::format("{:+.3g} {}", change.difference() / unit.size, unit.name);
}

std::string interval(const Change& change) {
  const Unit unit = unit_of(change);
  if (change.verdict == Verdict::too_few || unit.size == 0) return "-";
  if (change.interval.low == 0 && change.interval.high == 0) return "0";
  return fmt::format("{:+.3g} .. {:+.3g} {}", change.interval.low / unit.size,
                     change.interval.high / unit.size, unit.name);
}

// Rows of both recordings with a measurable difference: a line for each of their metrics.
std::string different_rows(const Diff& diff, const Names& names) {
  Table table({{"row", Align::left},
               {"metric", Align::left},
               {"A"},
               {"B"},
               {"change"},
               {fmt::format("{:.0f} % interval", kPercent)},
               {"B has", Align::left}});
  for (std::size_t i = 0; i < diff.rows.size(); ++i) {
    const DiffRow& row = diff.rows[i];
    if (!row.in_both() || !row.differs) continue;
    std::string name = names[i];
    for (const Change& change : row.changes) {
      table.add({std::exchange(name, {}), std::string(metric_name(change.metric)),
                 value(change.metric, change.a), value(change.metric, change.b), difference(change),
                 interval(change), std::string(verdict_name(change.verdict))});
    }
  }
  return table.empty() ? std::string{} : "\n" + table.text("What differs measurably");
}

std::string one_sided_rows(const Diff& diff, const Names& names) {
  Table table(
      {{"row", Align::left}, {"only in"}, {"count"}, {"rate or share"}, {"total"}, {"", Align::left}});
  for (std::size_t i = 0; i < diff.rows.size(); ++i) {
    const DiffRow& row = diff.rows[i];
    if (row.in_both()) continue;
    const auto cell = [&](Metric metric) {
      const Change* change = row.find(metric);
      return change == nullptr ? "-" : value(metric, row.only_in_b() ? change->b : change->a);
    };
    const bool state = row.key.kind == RowKind::state;
    const Metric judged = state ? Metric::share : Metric::rate;
    const Verdict verdict = row.find(judged)->verdict;
    table.add({names[i], row.only_in_b() ? "B" : "A", cell(Metric::count), cell(judged), cell(Metric::total),
               row.find(judged)->measurable() ? "measurable" : std::string(verdict_name(verdict))});
  }
  return table.empty() ? std::string{} : "\n" + table.text("What only one of them has");
}

// Where there is no difference. A total that differs is longer only: nothing to show.
std::string interval_or_why_not(const Change& change) {
  if (change.verdict == Verdict::too_few) return "too few";
  return change.measurable() ? "-" : interval(change);
}

std::string same_rows(const Diff& diff, const Names& names) {
  constexpr std::array kMetrics = {Metric::rate, Metric::p50, Metric::p99, Metric::total, Metric::share};
  std::vector<Table::Column> columns = {{"row", Align::left}, {"count A"}, {"count B"}};
  for (const Metric metric : kMetrics)
    columns.push_back({std::string(metric_name(metric))});
  Table table(std::move(columns));
  for (std::size_t i = 0; i < diff.rows.size(); ++i) {
    const DiffRow& row = diff.rows[i];
    if (!row.in_both() || row.differs) continue;
    std::vector<std::string> cells = {names[i], fmt::format("{}", row.count_a),
                                      fmt::format("{}", row.count_b)};
    for (const Metric metric : kMetrics) {
      const Change* change = row.find(metric);
      cells.push_back(change == nullptr ? "-" : interval_or_why_not(*change));
    }
    table.add(std::move(cells));
  }
  if (table.empty()) return {};
  return "\n" + table.text(fmt::format(
                    "No difference measurable ({:.0f} % intervals of the change; too few: samples for one)",
                    kPercent));
}

std::string outcome_text(const Diff& diff, const Names& names, const analysis::ConditionOutcome& outcome) {
  const std::string of = fmt::format("--fail-on '{}'", printable(outcome.condition.text));
  std::string few;
  if (outcome.not_judged != 0)
    few = fmt::format("; {} more have too few samples to tell", outcome.not_judged);
  if (outcome.failed.empty())
    return fmt::format("{}: holds for none of {} rows{}\n", of, outcome.judged, few);
  std::string text =
      fmt::format("{}: HOLDS for {} of {} rows{}\n", of, outcome.failed.size(), outcome.judged, few);
  for (const std::size_t i : outcome.failed) {
    const Change& change = *diff.rows[i].find(outcome.condition.metric);
    text += fmt::format("  {}: {} {} in A, {} in B: {}\n", names[i], metric_name(change.metric),
                        value(change.metric, change.a), value(change.metric, change.b), difference(change));
  }
  return text;
}

std::string conclusion(const Diff& diff) {
  std::size_t different = 0;
  for (const DiffRow& row : diff.rows)
    different += row.differs ? 1 : 0;
  std::string text = different == 0
                         ? fmt::format("No difference measurable in any of {} rows", diff.rows.size())
                         : fmt::format("{} of {} rows differ measurably", different, diff.rows.size());
  if (diff.rows_left_out != 0)
    text += fmt::format("; {} with fewer samples are left out", diff.rows_left_out);
  return text +
         fmt::format(
             "\nintervals: {:.0f} %, by resampling blocks of time (docs/diff.md); of {} of them about {:.0f} "
             "have no 0 in them by chance\n",
             kPercent, diff.compared, (1 - analysis::kIntervalLevel) * static_cast<double>(diff.compared));
}

}  // namespace

std::string diff_text(const Diff& diff, const Names& names,
                      const std::vector<analysis::ConditionOutcome>& outcomes) {
  std::string text = header(diff.a, "A") + header(diff.b, "B");
  text += time_note(diff.a.info.time_kind);
  for (const std::string& warning : diff.warnings)
    text += fmt::format("warning: {}\n", printable(warning));
  text += conclusion(diff);
  text += different_rows(diff, names);
  text += one_sided_rows(diff, names);
  text += same_rows(diff, names);
  if (!outcomes.empty()) text += '\n';
  for (const auto& outcome : outcomes)
    text += outcome_text(diff, names, outcome);
  return text;
}

}  // namespace trapline::viewer
