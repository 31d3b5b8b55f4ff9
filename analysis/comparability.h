// Whether two recordings can be compared, and what makes their comparison doubtful.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analysis/completeness.h"
#include "base/result.h"
#include "tracer/recording/info.h"
#include "tracer/recording/session.h"

namespace trapline::analysis {

// What is said of a recording before its figures.
struct DiffSide {
  recording::RecordingInfo info;
  Completeness whole;
  std::optional<recording::ProbeCost> probe_cost;
  std::uint64_t clock_bound_ns = 0;
  std::uint64_t traced_ns = 0;
  std::size_t vcpus = 0;
};

// Fails where nanoseconds of the one are something else than those of the other.
[[nodiscard]] Status check_comparable(const DiffSide& a, const DiffSide& b);

// Whether they were traced for about as long: otherwise counts and totals say nothing beside each other.
[[nodiscard]] bool alike_in_length(const DiffSide& a, const DiffSide& b);

// A sentence for each thing that is not as it should be, or not alike.
[[nodiscard]] std::vector<std::string> doubts(const DiffSide& a, const DiffSide& b);

}  // namespace trapline::analysis
