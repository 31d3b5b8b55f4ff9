#include "viewer/tables/top_screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <tuple>

#include "viewer/tables/printable.h"
#include "viewer/tables/table.h"
#include "viewer/tables/time_note.h"

namespace trapline::viewer {
namespace {

using tracer::LiveInterval;
using tracer::LiveLine;
using tracer::LiveView;

constexpr std::size_t kNameWidth = 24;
constexpr std::size_t kBlockWidth = 110;
constexpr std::size_t kCellWidth = 8;  // with the space before it

double seconds(const LiveInterval& interval) {
  return std::max(static_cast<double>(interval.length_ns()) / 1e9, 1e-9);
}

// 12345678 -> "12.3M": five characters at the most.
std::string short_count(double count) {
  if (count < 999.5) return fmt::format("{:.{}f}", count, count > 0 && count < 9.95 ? 1 : 0);
  for (const char unit : {'k', 'M', 'G'}) {
    count /= 1000;
    if (count < 999.5) return fmt::format("{:.{}f}{}", count, count < 99.95 ? 1 : 0, unit);
  }
  return fmt::format("{:.0f}T", count / 1000);
}

// 12345 ns -> "12.3us".
std::string narrow_time(double ns) {
  if (ns <= 0) return "-";
  if (ns < 999.5) return fmt::format("{:.0f}ns", ns);
  for (const char* unit : {"us", "ms"}) {
    ns /= 1000;
    if (ns < 999.5) return fmt::format("{:.{}f}{}", ns, ns < 9.995 ? 2 : ns < 99.95 ? 1 : 0, unit);
  }
  return fmt::format("{:.2f}s", ns / 1000);
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? "-"
                    : fmt::format("{:.1f}", 100 * static_cast<double>(part) / static_cast<double>(whole));
}

struct Column {
  std::string_view title;
  std::string (*cell)(const LiveLine& line, double interval_s);
};

constexpr Column kRate = {
    "/s", [](const LiveLine& line, double s) { return short_count(static_cast<double>(line.count) / s); }};
constexpr Column kMean = {"avg",
                          [](const LiveLine& line, double) { return narrow_time(line.figures.mean_ns()); }};
constexpr Column kP50 = {"p50", [](const LiveLine& line, double) {
                           return narrow_time(static_cast<double>(line.figures.percentile_ns(50)));
                         }};
constexpr Column kP99 = {"p99", [](const LiveLine& line, double) {
                           return narrow_time(static_cast<double>(line.figures.percentile_ns(99)));
                         }};
constexpr Column kMax = {"max", [](const LiveLine& line, double) {
                           return narrow_time(static_cast<double>(line.figures.max_ns));
                         }};
constexpr Column kTime = {"time%",
                          [](const LiveLine& line, double) { return percent(line.time_ns, line.lived_ns); }};
constexpr Column kGuest = {
    "guest%", [](const LiveLine& line, double) { return percent(line.guest_ns, line.lived_ns); }};
constexpr Column kKvm = {"kvm%",
                         [](const LiveLine& line, double) { return percent(line.kvm_ns, line.lived_ns); }};
constexpr Column kUser = {"user%",
                          [](const LiveLine& line, double) { return percent(line.user_ns, line.lived_ns); }};
constexpr Column kHalted = {
    "halt%", [](const LiveLine& line, double) { return percent(line.halted_ns, line.lived_ns); }};
constexpr Column kAccepted = {"acc/s", [](const LiveLine& line, double s) {
                                return short_count(static_cast<double>(line.accepted) / s);
                              }};
constexpr Column kPosted = {"post/s", [](const LiveLine& line, double s) {
                              return short_count(static_cast<double>(line.posted) / s);
                            }};
constexpr Column kInjected = {"inj/s", kRate.cell};

constexpr Column kExitColumns[] = {kRate, kTime, kUser, kMean, kP50, kP99, kMax};
constexpr Column kVcpuColumns[] = {kRate, kGuest, kKvm, kUser, kHalted, kP50, kP99};
constexpr Column kVectorColumns[] = {kInjected, kAccepted, kPosted, kMean, kP50, kP99, kMax};

std::span<const Column> columns_of(LiveView view) {
  switch (view) {
    case LiveView::reason:
    case LiveView::port:
      return kExitColumns;
    case LiveView::vector:
      return kVectorColumns;
    case LiveView::vcpu:
    case LiveView::vm:
      break;
  }
  return kVcpuColumns;
}

std::string_view name_title(LiveView view) {
  switch (view) {
    case LiveView::reason:
      return "reason";
    case LiveView::port:
      return "port";
    case LiveView::vector:
      return "vector";
    case LiveView::vcpu:
      return "VM vCPU thread";
    case LiveView::vm:
      break;
  }
  return "VM process";
}

// "name.." where it is too long: what comes after it (`rest`) is not cut as long as there is place for it.
std::string cut(std::string_view name, std::string_view rest, std::size_t width) {
  if (name.size() + rest.size() <= width)
    return fmt::format("{:<{}}", fmt::format("{}{}", name, rest), width);
  if (rest.size() + 2 >= width) return fmt::format("{:<{}}", name.substr(0, width), width);
  return fmt::format("{}..{}", name.substr(0, width - rest.size() - 2), rest);
}

std::string name_cell(const LiveLine& line, LiveView view, std::size_t width) {
  switch (view) {
    case LiveView::vcpu:
      return cut(printable(line.vm), fmt::format(" {} {}", line.vcpu_id, line.thread), width);
    case LiveView::vm:
      return cut(printable(line.name), fmt::format(" {}", line.thread), width);
    case LiveView::reason:
      return cut(printable(line.name), line.halts ? " (waits)" : "", width);
    case LiveView::vector:
    case LiveView::port:
      break;
  }
  return cut(printable(line.name), "", width);
}

// The name's column has what the others leave, within bounds; those that do not fit are left out from the
// right.
struct Layout {
  std::size_t name = 0;
  std::size_t cells = 0;

  Layout(std::size_t width, std::size_t columns) {
    constexpr std::size_t kNarrowest = 16;
    cells = width <= kNarrowest ? 0 : std::min(columns, (width - kNarrowest) / kCellWidth);
    name = std::min(width - cells * kCellWidth, std::max<std::size_t>(kNameWidth, width > 120 ? 48 : 32));
  }
};

class Lines {
 public:
  explicit Lines(std::size_t width) : width_(width) {}
  void add(std::string line) {
    line.resize(std::min(line.size(), width_));
    lines_.push_back(std::move(line));
  }
  [[nodiscard]] std::size_t size() const { return lines_.size(); }
  [[nodiscard]] std::string text(std::size_t height) const {
    std::string text;
    for (std::size_t i = 0; i < std::min(height, lines_.size()); ++i)
      text += (i == 0 ? "" : "\n") + lines_[i];
    return text;
  }

 private:
  std::size_t width_;
  std::vector<std::string> lines_;
};

void add_losses(Lines& lines, const LiveInterval& interval) {
  const auto tell = [&](std::string_view what, std::uint64_t now, std::uint64_t before) {
    if (now + before != 0) lines.add(fmt::format("{}: {} now, {} before", what, now, before));
  };
  const tracer::LiveLosses& now = interval.losses;
  const tracer::LiveLosses& before = interval.losses_before;
  tell("exits not told apart (the table is full: --rows)", now.exits_without_row, before.exits_without_row);
  tell("interrupts not told apart (the table is full: --rows)", now.vectors_without_row,
       before.vectors_without_row);
  tell("vCPUs not followed", now.not_followed, before.not_followed);
  tell("probes skipped by the kernel", now.skipped, before.skipped);
  tell("interrupts of which nothing tells whose they are", now.unattributed, before.unattributed);
}

void add_head(Lines& lines, const LiveInterval* interval, const TopState& state, recording::TimeKind time) {
  const std::string_view note = time_note(time);
  std::string title = fmt::format("trapline top: {}, by {}", tracer::live_view(state.view).plural,
                                  kTopSorts[static_cast<std::size_t>(state.sort)]);
  if (state.paused) title += "  PAUSED";
  if (interval == nullptr) {
    lines.add(title);
    return;
  }
  const LiveLine total = tracer::total_of(*interval);
  lines.add(fmt::format("{}  {:.1f} s  {} VMs {} vCPUs  {} exits/s", title, seconds(*interval),
                        interval->vms.size(), interval->vcpus.size(),
                        short_count(static_cast<double>(total.count) / seconds(*interval))));
  lines.add(fmt::format("vCPU time: guest {} %, kvm {} %, user space {} %, halted {} %",
                        percent(total.guest_ns, total.lived_ns), percent(total.kvm_ns, total.lived_ns),
                        percent(total.user_ns, total.lived_ns), percent(total.halted_ns, total.lived_ns)));
  if (!note.empty()) lines.add(std::string(note.substr(0, note.size() - 1)));
  add_losses(lines, *interval);
}

void add_table(Lines& lines, const LiveInterval& interval, const TopState& state, std::size_t width,
               std::size_t at_most) {
  const auto columns = columns_of(state.view);
  const Layout layout(width, columns.size());
  std::string head = cut(name_title(state.view), "", layout.name);
  for (const Column& column : columns.first(layout.cells))
    head += fmt::format("{:>{}}", column.title, kCellWidth);
  lines.add(std::move(head));
  const auto rows = sorted_lines(interval, state.view, state.sort);
  const std::size_t shown =
      rows.size() <= at_most ? rows.size() : at_most - std::min<std::size_t>(at_most, 1);
  for (const LiveLine& row : std::span(rows).first(shown)) {
    std::string line = name_cell(row, state.view, layout.name);
    for (const Column& column : columns.first(layout.cells))
      line += fmt::format("{:>{}}", column.cell(row, seconds(interval)), kCellWidth);
    lines.add(std::move(line));
  }
  if (shown < rows.size()) lines.add(fmt::format("... {} more", rows.size() - shown));
  if (interval.vcpus.empty()) lines.add("no VM runs, or none has left its guest yet: waiting");
}

void add_help(Lines& lines) {
  for (const tracer::LiveViewRow& row : tracer::kLiveViews)
    lines.add(fmt::format("  {}      {}", row.key, row.plural));
  for (const std::string_view line : {
           "  s      sort by the next of: time, rate, p99, max, name",
           "  space  keep this screen; counting goes on",
           "  + -    longer, shorter interval",
           "  h ?    this help, and back",
           "  q      quit",
           "/s: exits that ended. time%: of the time of all vCPUs. user%: of it in user space.",
           "avg p50 p99 max: exit to entry, of exits that ended; vCPUs and VMs: without halts;",
           "interrupts: accepted by the LAPIC to injected. p50, p99: from a histogram, within 6.25 %.",
       })
    lines.add(std::string(line));
}

constexpr std::string_view kKeys =
    "r reasons v vCPUs i interrupts p ports m VMs s sort space pause +- h help q quit";

}  // namespace

std::vector<LiveLine> sorted_lines(const LiveInterval& interval, LiveView view, TopSort sort) {
  std::vector<LiveLine> lines = tracer::lines_of(interval, view);
  // Interrupts have no share of the time, vCPUs and VMs are busy with what is not the guest's.
  const auto weight = [&](const LiveLine& line) -> std::uint64_t {
    switch (sort) {
      case TopSort::time:
        return view == LiveView::vector                         ? line.figures.total_ns
               : view == LiveView::vcpu || view == LiveView::vm ? line.kvm_ns + line.user_ns
                                                                : line.time_ns;
      case TopSort::rate:
        return std::max(line.count, line.accepted);
      case TopSort::p99:
        return line.figures.percentile_ns(99);
      case TopSort::max:
        return line.figures.max_ns;
      case TopSort::name:
        break;
    }
    return 0;
  };
  std::ranges::stable_sort(lines, [&](const LiveLine& a, const LiveLine& b) {
    if (sort == TopSort::name)
      return std::tie(a.name, a.vcpu_id, a.thread) < std::tie(b.name, b.vcpu_id, b.thread);
    return std::tuple(!a.halts, weight(a)) > std::tuple(!b.halts, weight(b));
  });
  return lines;
}

std::string top_screen(const LiveInterval* interval, const TopState& state, recording::TimeKind time,
                       const ScreenSize& size) {
  Lines lines(size.width);
  add_head(lines, interval, state, time);
  const std::size_t place = size.height > lines.size() + 2 ? size.height - lines.size() - 2 : 0;
  if (state.help) {
    add_help(lines);
  } else if (interval != nullptr) {
    add_table(lines, *interval, state, size.width, place);
  } else {
    lines.add("measuring ...");
  }
  while (lines.size() + 1 < size.height)
    lines.add("");
  if (lines.size() < size.height) lines.add(std::string(kKeys));
  return lines.text(size.height);
}

std::string top_block(const LiveInterval& interval, const TopState& state, recording::TimeKind time) {
  Lines lines(kBlockWidth);
  add_head(lines, &interval, state, time);
  add_table(lines, interval, state, kBlockWidth, ~std::size_t{0});
  return lines.text(~std::size_t{0}) + "\n";
}

}  // namespace trapline::viewer
