// Two recordings row by row: what changed by more than chance explains.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/bootstrap.h"
#include "analysis/comparability.h"
#include "analysis/recording_rows.h"
#include "base/result.h"

namespace trapline::analysis {

enum class Metric : std::uint8_t {
  count,
  rate,   // per second of traced time
  p50,    // ns
  p99,    // ns
  total,  // ns
  share,  // of the traced time of the vCPUs: 0 to 1
};
inline constexpr std::size_t kMetrics = 6;
[[nodiscard]] std::string_view metric_name(Metric metric);  // "p50"
[[nodiscard]] std::optional<Metric> metric_of(std::string_view name);

enum class Verdict : std::uint8_t {
  more,  // than in the first recording, and the interval of the difference has no 0 in it
  less,
  none,     // no difference measurable
  too_few,  // too few samples for an interval
};
[[nodiscard]] std::string_view verdict_name(Verdict verdict);  // "no difference measurable"

// Below them nothing is said. A sum is judged by the larger of both counts; a percentile needs the first in
// both, and the second beyond it.
inline constexpr std::uint64_t kFewestSamples = 20;
inline constexpr std::uint64_t kFewestBeyond = 5;

struct Change {
  Metric metric = Metric::count;
  double a = 0;
  double b = 0;
  Interval interval;  // of difference(); nothing where there are too few samples
  Verdict verdict = Verdict::none;

  [[nodiscard]] double difference() const { return b - a; }
  // Of `of`, a difference, as percent of what the first recording had; none if that is 0.
  [[nodiscard]] std::optional<double> percent(double of) const;
  [[nodiscard]] bool measurable() const { return verdict == Verdict::more || verdict == Verdict::less; }
};

struct DiffRow {
  RowKey key;
  std::uint64_t count_a = 0;  // of states: how often it was entered
  std::uint64_t count_b = 0;
  std::vector<Change> changes;
  // A change is measurable, and not only because one recording is longer: counts and totals do not tell then.
  bool differs = false;

  [[nodiscard]] bool only_in_a() const { return count_b == 0; }
  [[nodiscard]] bool only_in_b() const { return count_a == 0; }
  [[nodiscard]] bool in_both() const { return count_a != 0 && count_b != 0; }
  [[nodiscard]] const Change* find(Metric metric) const;  // null: it has none
};

struct Diff {
  DiffSide a;
  DiffSide b;
  std::vector<std::string> warnings;  // what makes the two less comparable
  std::vector<DiffRow> rows;
  std::size_t rows_left_out = 0;  // by `min_count`
  std::size_t compared = 0;       // changes that have an interval
};

struct DiffOptions {
  std::uint64_t min_count = 0;  // rows with fewer in both recordings are left out; not of states
};

// Fails where a comparison would mean nothing: times of different kinds.
[[nodiscard]] Result<Diff> diff(const RecordingRows& a, const RecordingRows& b, DiffOptions options = {});

// Rows of a kind stay together. By the size of the change in a metric, the largest first and rows without it
// last; or, without a metric, by what they are about.
void sort_rows(Diff& diff, std::optional<Metric> by);

}  // namespace trapline::analysis
