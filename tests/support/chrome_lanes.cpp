#include "tests/support/chrome_lanes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

namespace trapline::test {
namespace {

struct Slice {
  std::int64_t begin_ns;
  std::int64_t end_ns;
  std::string name;
};

std::int64_t ns_of(const nlohmann::json& microseconds) {
  return std::llround(microseconds.get<double>() * 1000);
}

std::string overlap_on_lane(std::vector<Slice> slices) {
  // Of slices that begin together the longer one is the parent.
  std::stable_sort(slices.begin(), slices.end(), [](const Slice& a, const Slice& b) {
    return a.begin_ns != b.begin_ns ? a.begin_ns < b.begin_ns : a.end_ns > b.end_ns;
  });
  std::vector<Slice> open;
  for (const Slice& slice : slices) {
    while (!open.empty() && open.back().end_ns <= slice.begin_ns)
      open.pop_back();
    if (!open.empty() && slice.end_ns > open.back().end_ns) {
      return fmt::format("{} [{}, {}] and {} [{}, {}]", open.back().name, open.back().begin_ns,
                         open.back().end_ns, slice.name, slice.begin_ns, slice.end_ns);
    }
    open.push_back(slice);
  }
  return {};
}

}  // namespace

std::string find_overlap(const nlohmann::json& chrome_trace) {
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<Slice>> lanes;
  for (const auto& event : chrome_trace.at("traceEvents")) {
    if (event.at("ph") != "X") continue;
    const std::int64_t begin = ns_of(event.at("ts"));
    lanes[{event.at("pid"), event.at("tid")}].push_back(
        {begin, begin + ns_of(event.at("dur")), event.at("name")});
  }
  for (const auto& [lane, slices] : lanes) {
    if (auto overlap = overlap_on_lane(slices); !overlap.empty()) {
      return fmt::format("lane {}/{}: {}", lane.first, lane.second, overlap);
    }
  }
  return {};
}

std::size_t count_slices(const nlohmann::json& chrome_trace) {
  const auto& events = chrome_trace.at("traceEvents");
  return static_cast<std::size_t>(
      std::count_if(events.begin(), events.end(), [](const auto& event) { return event.at("ph") == "X"; }));
}

}  // namespace trapline::test
