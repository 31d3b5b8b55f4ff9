// Conditions on a diff, for scripts: "p99>+10%", "exit io port 0x3f8: p50>+1us".
//
//   CONDITION := [ROWS ":"] METRIC OPERATOR CHANGE
//   ROWS      := words that a row's name has one after another; none: every row
//   METRIC    := "count" | "rate" | "p50" | "p99" | "total" | "share"
//   OPERATOR  := ">" with a CHANGE of "+", "<" with one of "-"
//   CHANGE    := ("+" | "-") NUMBER UNIT
//   UNIT      := "%" of what A had, or of the metric: count none; rate "/s"; p50, p99 and total "ns", "us",
//   "ms"
//                or "s"; share "points"
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/diff.h"
#include "base/result.h"

namespace trapline::analysis {

struct Condition {
  std::string text;  // as it was given
  std::string rows;  // words, one space between them; empty: all
  Metric metric = Metric::rate;
  bool percent = false;
  double threshold = 0;  // with its sign: percent, or in the unit that Change has the metric in

  // Whether the change is measurable and beyond the threshold. What A did not have at all grew by more than
  // any percentage.
  [[nodiscard]] bool holds_for(const Change& change) const;
};

// An error names the place, from 1, and what could stand there.
[[nodiscard]] Result<Condition> parse_condition(std::string_view text);

// Whether `name` has the words of `rows` one after another.
[[nodiscard]] bool names_row(std::string_view rows, std::string_view name);

struct ConditionOutcome {
  Condition condition;
  std::vector<std::size_t> failed;  // rows of the diff for which it holds
  std::size_t judged = 0;           // rows that it was looked at for
  std::size_t not_judged = 0;       // rows with too few samples
};

// `names`: of the diff's rows. Fails where a condition is about no row at all: it could never hold.
[[nodiscard]] Result<std::vector<ConditionOutcome>> check_conditions(const std::vector<Condition>& conditions,
                                                                     const Diff& diff,
                                                                     const std::vector<std::string>& names);

}  // namespace trapline::analysis
