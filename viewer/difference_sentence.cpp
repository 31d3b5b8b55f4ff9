#include "viewer/difference_sentence.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <string_view>

namespace trapline::viewer {
namespace {

using analysis::Place;

std::string_view where(Place place) {
  switch (place) {
    case Place::guest:
      return "in the guest";
    case Place::kvm:
      return "in KVM";
    case Place::vmm:
      return "in the VMM";
    case Place::waiting:
      return "asleep or preempted";
    case Place::unknown:
      break;
  }
  return "where records were lost";
}

}  // namespace

std::string brief_time(double ns, recording::TimeKind kind) {
  struct Unit {
    double size;
    std::string_view time;
    std::string_view count;
  };
  constexpr std::array units = {Unit{1e9, "s", "G"}, Unit{1e6, "ms", "M"}, Unit{1e3, "us", "k"},
                                Unit{1, "ns", ""}};
  for (const Unit& unit : units) {
    // What rounds up to 1000 of a unit is 1 of the next.
    if (std::abs(ns) < unit.size * 0.9995 && unit.size != 1) continue;
    const double value = ns / unit.size;
    const int decimals = unit.size == 1 ? 0 : std::abs(value) < 9.995 ? 2 : std::abs(value) < 99.95 ? 1 : 0;
    return fmt::format("{:.{}f}{}", value, decimals,
                       kind == recording::TimeKind::counted ? unit.count : unit.time);
  }
  return {};
}

std::string difference_sentence(const analysis::Cell& cell, const analysis::Difference& difference,
                                recording::TimeKind kind, std::string_view base) {
  if (!difference.measurable) return fmt::format("{}: no difference from {} measurable", cell.path, base);
  const std::string_view unit = kind == recording::TimeKind::counted ? " instructions" : "";
  std::string sentence =
      fmt::format("{}: {}{} {} than {}; most of it {}", cell.path, brief_time(std::abs(difference.ns), kind),
                  unit, difference.ns < 0 ? "less" : "more", base, where(difference.place));
  if (difference.by_phase) sentence += fmt::format(" during {}", analysis::phase_name(difference.phase));
  return sentence + fmt::format(": {} ({:.0f} %)", brief_time(std::abs(difference.contribution_ns), kind),
                                100 * difference.contribution_ns / difference.ns);
}

}  // namespace trapline::viewer
