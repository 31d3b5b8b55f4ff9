#include "viewer/tables/exit_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "viewer/difference_sentence.h"
#include "viewer/tables/printable.h"
#include "viewer/tables/vcpu_table.h"

namespace trapline::viewer {
namespace {

using analysis::ExitFigures;
using analysis::ExitKey;
using analysis::ExitRow;
using analysis::Summary;
using tracer::Cause;

// Three significant digits: these tables have many columns.
std::string brief(const Summary& summary, double ns) {
  return brief_time(ns, summary.info.time_kind);
}
std::string brief(const Summary& summary, std::uint64_t ns) {
  return brief(summary, static_cast<double>(ns));
}

std::string count(const ExitFigures& figures) {
  return fmt::format("{}{}", figures.count(), figures.open != 0 ? "*" : "");
}

constexpr std::array kSpread = {"min", "avg", "+-%", "p50", "p99", "max"};

void add_spread(std::vector<Table::Column>& columns) {
  for (const char* title : kSpread)
    columns.push_back({title});
}

void add_spread(const Summary& summary, const Distribution& of, std::vector<std::string>& cells) {
  cells.insert(cells.end(),
               {brief(summary, of.min()), brief(summary, of.mean()),
                fmt::format("{:.2f}", of.relative_stddev_percent()), brief(summary, of.percentile(50)),
                brief(summary, of.percentile(99)), brief(summary, of.max())});
}

std::vector<Table::Column> figure_columns(std::vector<Table::Column> columns) {
  for (const char* title : {"count", "%", "time", "%"})
    columns.push_back({title});
  add_spread(columns);
  columns.push_back({"in VMM"});
  return columns;
}

std::vector<std::string> figure_cells(const Summary& summary, const ExitFigures& figures,
                                      std::vector<std::string> cells) {
  const Distribution& handling = figures.handling();
  cells.insert(cells.end(),
               {count(figures), percent(figures.count(), summary.all_exits.count),
                brief(summary, handling.total()), percent(handling.total(), summary.all_exits.handling_ns)});
  add_spread(summary, handling, cells);
  cells.push_back(brief(summary, figures.vmm_ns));
  return cells;
}

std::string more_rows(std::size_t shown, std::size_t all) {
  return shown < all ? fmt::format("  and {} rows more\n", all - shown) : std::string{};
}

std::string exits_of(const Summary& summary, const ReportView& view, Cause cause, std::string_view title) {
  auto rows = sorted_exits(summary, view);
  std::erase_if(rows, [cause](const ExitRow* row) { return row->cause != cause; });
  const std::size_t all = rows.size();
  rows.resize(shown(all, view));
  VcpuTable table(summary, figure_columns({{"reason", Align::left}, {"what", Align::left, true}}));
  for (const ExitRow* row : rows)
    table.add(row->vcpu, figure_cells(summary, *row, {row->reason, row->key}));
  return table.text(title) + more_rows(rows.size(), all);
}

std::string open_note(const Summary& summary) {
  if (!std::ranges::any_of(summary.exits, [](const ExitRow& row) { return row.open != 0; })) return {};
  return "  * of these one was never followed by an entry: it counts, but has no duration\n";
}

// An exit is about one thing at most: what it is about is one column, however many kinds were asked for.
bool is_subject(ExitKey key) {
  return key == ExitKey::port || key == ExitKey::mmio || key == ExitKey::msr || key == ExitKey::hypercall;
}

std::string_view key_name(ExitKey key) {
  return analysis::exit_key_names()[static_cast<std::size_t>(key)];
}

class GroupColumns {
 public:
  explicit GroupColumns(const std::vector<ExitKey>& by) : by_(by) {
    one_column_ = std::ranges::count_if(by, is_subject) > 1;
  }

  [[nodiscard]] std::vector<Table::Column> columns() const {
    std::vector<Table::Column> columns;
    bool has_subject = false;
    for (const ExitKey key : by_) {
      if (one_column_ && is_subject(key)) {
        if (!has_subject) columns.push_back({"what", Align::left, true});
        has_subject = true;
      } else {
        columns.push_back({std::string(key_name(key)), Align::left, true});
      }
    }
    return columns;
  }

  [[nodiscard]] std::vector<std::string> cells(const Summary& summary, const analysis::ExitGroup& row,
                                               const ReportView& view) const {
    std::vector<std::string> cells;
    std::optional<std::size_t> subject;
    for (const ExitKey key : by_) {
      if (!one_column_ || !is_subject(key)) {
        cells.push_back(key_text(summary, row, key, view));
        continue;
      }
      if (!subject) {
        subject = cells.size();
        cells.emplace_back("-");
      }
      if (row.value(key))
        cells[*subject] = fmt::format("{} {}", key_name(key), key_text(summary, row, key, view));
    }
    return cells;
  }

 private:
  const std::vector<ExitKey>& by_;
  bool one_column_;
};

// Exits that waited for an interrupt, with the wait: as others count them.
std::string waiting_exits(const Summary& summary) {
  std::vector<Table::Column> columns = {
      {"reason", Align::left}, {"what", Align::left, true}, {"count"}, {"time"}};
  add_spread(columns);
  columns.insert(columns.end(), {{"polled"}, {"asleep"}, {"for a CPU"}});
  VcpuTable table(summary, columns);
  for (const ExitRow& row : summary.exits) {
    if (!row.without_waits) continue;
    std::vector<std::string> cells = {row.reason, row.key, count(row), brief(summary, row.duration.total())};
    add_spread(summary, row.duration, cells);
    cells.insert(cells.end(), {brief(summary, row.halt_poll_ns), brief(summary, row.halted_ns),
                               brief(summary, row.wake_delay_ns)});
    table.add(row.vcpu, std::move(cells));
  }
  return table.text(
      "Exits in which the guest waited for an interrupt, with the wait (as perf kvm stat counts them)");
}

std::string rest(const Summary& summary, const ExitFigures& figures, std::string_view what) {
  if (figures.count() == 0) return {};
  return fmt::format("  {} exits ({}) {}\n", figures.count(), brief(summary, figures.handling().total()),
                     what);
}

std::string joined(const std::vector<ExitKey>& keys, std::string_view between) {
  std::string text;
  for (const ExitKey key : keys)
    text += fmt::format("{}{}", text.empty() ? "" : between, key_name(key));
  return text;
}

}  // namespace

std::string exit_tables(const Summary& summary, const ReportView& view) {
  std::string text = exits_of(summary, view, Cause::guest, "Exits that the guest caused");
  text += exits_of(summary, view, Cause::async, "Exits that happened to it");
  if (text.empty()) return text;
  text += fmt::format(
      "  all exits: {}, {} of handling; % of these; times without those that the guest was halted\n",
      summary.all_exits.count, brief(summary, summary.all_exits.handling_ns));
  return text + open_note(summary);
}

std::string group_table(const Summary& summary, const ReportView& view) {
  if (!summary.groups) return {};
  const analysis::ExitGroups& groups = *summary.groups;
  const GroupColumns keys(groups.by);
  Table table(figure_columns(keys.columns()));
  auto rows = sorted_groups(groups, view);
  rows.resize(shown(rows.size(), view));
  for (const analysis::ExitGroup* row : rows)
    table.add(figure_cells(summary, *row, keys.cells(summary, *row, view)));
  const std::string title = fmt::format("Exits by {}", joined(groups.by, ", "));
  std::string text = "\n" + (table.empty() ? title + "\n" : table.text(title));
  text += more_rows(rows.size(), groups.rows.size());
  text += rest(summary, groups.without_key, fmt::format("have no {}", joined(groups.by, " or ")));
  text +=
      rest(summary, groups.beyond_limit,
           fmt::format("are of more groups than the {} that are kept", analysis::ExitGrouping::kMaxGroups));
  return text +
         fmt::format("  all exits: {}, {} of handling\n", summary.all_exits.count,
                     brief(summary, summary.all_exits.handling_ns)) +
         open_note(summary);
}

std::string guest_code_table(const Summary& summary, const ReportView& view) {
  const bool several = summary.machines.several();
  std::vector<Table::Column> columns = {{"reason", Align::left},
                                        {"guest code", Align::left, true},
                                        {"count"},
                                        {"time"},
                                        {"% of reason"},
                                        {"longest"}};
  if (several) columns.insert(columns.begin(), {"VM", Align::left, true});
  Table table(std::move(columns));
  for (const analysis::GuestCode& code : summary.guest_code) {
    const std::uint64_t whole = code.handling_ns();
    const std::size_t places = std::min(code.rips.size(), view.top.value_or(kTopRips));
    for (std::size_t i = 0; i < places; ++i) {
      const analysis::RipRow& row = code.rips[i];
      std::vector<std::string> cells = {code.reason,
                                        place_in_guest(row.rip, view),
                                        fmt::format("{}", row.count),
                                        brief(summary, row.handling_ns),
                                        percent(row.handling_ns, whole),
                                        brief(summary, row.max_ns)};
      if (several) cells.insert(cells.begin(), vm_text(summary.machines, code.vm));
      table.add(std::move(cells));
    }
  }
  if (table.empty()) return {};
  return "\n" + table.text(fmt::format("Guest code that the exits came from, {} places of each reason",
                                       view.top.value_or(kTopRips)));
}

std::string halt_tables(const Summary& summary) {
  VcpuTable table(summary, {{"halts in KVM"},
                            {"polled away"},
                            {"slept"},
                            {"polled away %"},
                            {"time polled"},
                            {"asleep"},
                            {"KVM now polls for"}});
  for (const analysis::HaltRow& row : summary.halts) {
    const std::uint64_t halts = row.polled + row.slept;
    table.add(row.vcpu,
              {fmt::format("{}", halts), fmt::format("{}", row.polled), fmt::format("{}", row.slept),
               percent(row.polled, halts), brief(summary, row.halt_poll_ns), brief(summary, row.halted_ns),
               row.poll_window_ns ? brief(summary, *row.poll_window_ns) : "-"});
  }
  return waiting_exits(summary) +
         table.text("Halts: whether the interrupt came while KVM polled for it, or after the thread slept");
}

}  // namespace trapline::viewer
