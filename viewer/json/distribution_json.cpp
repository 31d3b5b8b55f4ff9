#include "viewer/json/distribution_json.h"

#include <cmath>

namespace trapline::viewer {

nlohmann::json distribution_json(const Distribution& of) {
  return {{"count", of.count()},
          {"total_ns", of.total()},
          {"min_ns", of.min()},
          {"avg_ns", std::llround(of.mean())},
          {"stddev_ns", std::llround(of.stddev())},
          {"p50_ns", of.percentile(50)},
          {"p90_ns", of.percentile(90)},
          {"p99_ns", of.percentile(99)},
          {"max_ns", of.max()},
          {"percentiles", of.exact() ? "exact" : "histogram, at most 1 % high"}};
}

}  // namespace trapline::viewer
