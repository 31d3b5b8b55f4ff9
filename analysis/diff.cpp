#include "analysis/diff.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "base/log_linear.h"

namespace trapline::analysis {
namespace {

constexpr std::array<std::string_view, kMetrics> kMetricNames = {"count", "rate",  "p50",
                                                                 "p99",   "total", "share"};

struct Percentile {
  Metric metric;
  double percent;
};
constexpr std::array kPercentiles = {Percentile{Metric::p50, 50}, Percentile{Metric::p99, 99}};

const PerSlice kNothing{};

// One of the two recordings, with what it is put together again from.
class Side {
 public:
  Side(const RecordingRows& rows, std::uint64_t seed) : rows_(rows), seed_(seed) {}

  [[nodiscard]] const RecordingRows& rows() const { return rows_; }
  [[nodiscard]] const RowSamples* find(const RowKey& key) const {
    const auto found = rows_.rows.find(key);
    return found == rows_.rows.end() ? nullptr : &found->second;
  }
  const Resamples& resamples(std::size_t slices) {
    return resamples_.try_emplace(slices, slices, seed_).first->second;
  }

  // The sum over all slices.
  Resampled sum(const PerSlice& values) {
    const Resamples& drawn = resamples(kSlices);
    Resampled sums{0, std::vector<double>(kResamples), drawn.blocks()};
    for (const std::uint64_t value : values)
      sums.value += static_cast<double>(value);
    for (std::size_t i = 0; i < kResamples; ++i) {
      std::uint64_t sum = 0;
      for (std::size_t slice = 0; slice < kSlices; ++slice)
        sum += values[slice] * drawn[i][slice];
      sums.resamples[i] = static_cast<double>(sum);
    }
    return sums;
  }

  Resampled percentile(const SortedSamples& samples, double percent) {
    const Resamples& drawn = resamples(samples.slices());
    Resampled percentiles{static_cast<double>(samples.percentile(percent)), std::vector<double>(kResamples),
                          drawn.blocks()};
    for (std::size_t i = 0; i < kResamples; ++i)
      percentiles.resamples[i] = static_cast<double>(samples.percentile(percent, drawn[i]));
    return percentiles;
  }

  [[nodiscard]] double seconds() const { return static_cast<double>(rows_.traced_ns) / 1e9; }

 private:
  const RecordingRows& rows_;
  std::uint64_t seed_;
  std::map<std::size_t, Resamples> resamples_;
};

double ratio(double value, double by) {
  return by == 0 ? 0 : value / by;
}

Resampled divided(Resampled values, const Resampled& by) {
  values.value = ratio(values.value, by.value);
  for (std::size_t i = 0; i < values.resamples.size(); ++i)
    values.resamples[i] = ratio(values.resamples[i], by.resamples[i]);
  return values;
}

Resampled divided(Resampled values, double by) {
  values.value = ratio(values.value, by);
  for (double& value : values.resamples)
    value = ratio(value, by);
  return values;
}

Verdict judged(const Change& change) {
  if (change.difference() > 0 && change.interval.low > 0) return Verdict::more;
  if (change.difference() < 0 && change.interval.high < 0) return Verdict::less;
  return Verdict::none;
}

class Comparer {
 public:
  Comparer(const RecordingRows& a, const RecordingRows& b) : a_(a, 1), b_(b, 2) {}

  DiffRow row(const RowKey& key) {
    const RowSamples* a = a_.find(key);
    const RowSamples* b = b_.find(key);
    DiffRow row;
    row.key = key;
    row.count_a = a == nullptr ? 0 : a->count;
    row.count_b = b == nullptr ? 0 : b->count;
    if (key.kind == RowKind::state) {
      add_share(row, a, b);
      return row;
    }
    if (key.kind != RowKind::latency) add_counts(row, a, b);
    if (key.kind != RowKind::interrupt) {
      if (a != nullptr && b != nullptr) add_percentiles(row, *a, *b);
      if (key.kind == RowKind::exit) add_total(row, a, b);
    }
    return row;
  }

 private:
  static void add(DiffRow& row, Metric metric, bool enough, const Resampled& a, const Resampled& b,
                  double resolution = 0) {
    Change change{metric, a.value, b.value, {}, Verdict::too_few};
    if (enough) {
      change.interval = difference_interval(a, b);
      change.interval.low -= resolution;
      change.interval.high += resolution;
      change.verdict = judged(change);
    }
    row.changes.push_back(change);
  }

  static bool enough_for_sums(const DiffRow& row) {
    return std::max(row.count_a, row.count_b) >= kFewestSamples;
  }

  void add_counts(DiffRow& row, const RowSamples* a, const RowSamples* b) {
    const Resampled count_a = a_.sum(a == nullptr ? kNothing : a->counts);
    const Resampled count_b = b_.sum(b == nullptr ? kNothing : b->counts);
    add(row, Metric::count, enough_for_sums(row), count_a, count_b);
    add(row, Metric::rate, enough_for_sums(row), divided(count_a, a_.seconds()),
        divided(count_b, b_.seconds()));
  }

  void add_total(DiffRow& row, const RowSamples* a, const RowSamples* b) {
    add(row, Metric::total, enough_for_sums(row), a_.sum(a == nullptr ? kNothing : a->total),
        b_.sum(b == nullptr ? kNothing : b->total));
  }

  void add_share(DiffRow& row, const RowSamples* a, const RowSamples* b) {
    add(row, Metric::share, true,
        divided(a_.sum(a == nullptr ? kNothing : a->total), a_.sum(traced(a_, row.key))),
        divided(b_.sum(b == nullptr ? kNothing : b->total), b_.sum(traced(b_, row.key))));
  }

  static const PerSlice& traced(const Side& side, const RowKey& key) {
    const auto found = side.rows().traced.find(key.vcpu);
    return found == side.rows().traced.end() ? kNothing : found->second;
  }

  void add_percentiles(DiffRow& row, const RowSamples& a, const RowSamples& b) {
    const std::uint64_t fewest = std::min(a.durations.count(), b.durations.count());
    if (fewest == 0) return;
    SortedSamples sorted_a = a.durations.sorted();
    SortedSamples sorted_b = b.durations.sorted();
    const double clocks = clock_error(a_, a) + clock_error(b_, b);
    // A median that is told exactly and one that is up to 1 % too high are no pair.
    const bool exact = sorted_a.exact() && sorted_b.exact();
    if (!exact && sorted_a.exact()) sorted_a = sorted_a.in_buckets();
    if (!exact && sorted_b.exact()) sorted_b = sorted_b.in_buckets();
    for (const auto& [metric, percent] : kPercentiles) {
      const auto beyond = static_cast<std::uint64_t>(static_cast<double>(fewest) * (100 - percent) / 100);
      const bool enough = fewest >= kFewestSamples && beyond >= kFewestBeyond;
      const std::uint64_t higher = std::max(sorted_a.percentile(percent), sorted_b.percentile(percent));
      // What a histogram cannot tell apart is no difference.
      const auto width = static_cast<double>(log_linear::bucket_width(log_linear::bucket_of(higher)));
      add(row, metric, enough, a_.percentile(sorted_a, percent), b_.percentile(sorted_b, percent),
          (exact ? 0 : width) + clocks);
    }
  }

  // The clocks of each recording are its own: what they are off by may well be the whole difference.
  static double clock_error(const Side& side, const RowSamples& samples) {
    return samples.between_clocks ? static_cast<double>(side.rows().clock_bound_ns) : 0;
  }

  Side a_;
  Side b_;
};

bool differs(const DiffRow& row, bool alike_in_length) {
  return std::any_of(row.changes.begin(), row.changes.end(), [&](const Change& change) {
    const bool grows = change.metric == Metric::count || change.metric == Metric::total;
    return change.measurable() && (alike_in_length || !grows);
  });
}

// Rows that only one recording has are rows, but for stretches of an interrupt's way: they have nothing that
// could be compared then.
std::vector<RowKey> keys_of(const RecordingRows& a, const RecordingRows& b) {
  std::vector<RowKey> keys;
  for (const auto& [key, samples] : a.rows) {
    if (key.kind != RowKind::latency || b.rows.contains(key)) keys.push_back(key);
  }
  for (const auto& [key, samples] : b.rows) {
    if (key.kind != RowKind::latency && !a.rows.contains(key)) keys.push_back(key);
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

DiffSide side_of(const RecordingRows& rows) {
  return {rows.info, rows.whole, rows.probe_cost, rows.clock_bound_ns, rows.traced_ns, rows.vcpus};
}

}  // namespace

std::string_view metric_name(Metric metric) {
  return kMetricNames[static_cast<std::size_t>(metric)];
}

std::optional<Metric> metric_of(std::string_view name) {
  const auto found = std::find(kMetricNames.begin(), kMetricNames.end(), name);
  if (found == kMetricNames.end()) return std::nullopt;
  return static_cast<Metric>(found - kMetricNames.begin());
}

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::more:
      return "more";
    case Verdict::less:
      return "less";
    case Verdict::none:
      return "no difference measurable";
    case Verdict::too_few:
      break;
  }
  return "too few samples";
}

std::optional<double> Change::percent(double of) const {
  if (a == 0) return std::nullopt;
  return 100 * of / a;
}

const Change* DiffRow::find(Metric metric) const {
  for (const Change& change : changes) {
    if (change.metric == metric) return &change;
  }
  return nullptr;
}

Result<Diff> diff(const RecordingRows& a, const RecordingRows& b, DiffOptions options) {
  Diff found;
  found.a = side_of(a);
  found.b = side_of(b);
  TRAPLINE_TRY(check_comparable(found.a, found.b));
  found.warnings = doubts(found.a, found.b);
  Comparer comparer(a, b);
  for (const RowKey& key : keys_of(a, b)) {
    const auto count = [&](const RecordingRows& side) {
      const auto row = side.rows.find(key);
      return row == side.rows.end() ? 0 : row->second.count;
    };
    if (key.kind != RowKind::state && std::max(count(a), count(b)) < options.min_count) {
      ++found.rows_left_out;
      continue;
    }
    DiffRow& row = found.rows.emplace_back(comparer.row(key));
    row.differs = differs(row, alike_in_length(found.a, found.b));
    for (const Change& change : row.changes)
      found.compared += change.verdict == Verdict::too_few ? 0 : 1;
  }
  return found;
}

void sort_rows(Diff& diff, std::optional<Metric> by) {
  const auto size = [&](const DiffRow& row) {
    const Change* change = by ? row.find(*by) : nullptr;
    return change == nullptr ? -1 : std::abs(change->difference());
  };
  std::stable_sort(diff.rows.begin(), diff.rows.end(), [&](const DiffRow& one, const DiffRow& other) {
    if (one.key.kind != other.key.kind) return one.key.kind < other.key.kind;
    const double of_one = size(one);
    const double of_other = size(other);
    return of_one != of_other ? of_one > of_other : one.key < other.key;
  });
}

}  // namespace trapline::analysis
