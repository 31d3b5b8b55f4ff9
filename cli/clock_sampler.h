// Samples of TSC and clock, as often as a recording needs them.
#pragma once

#include <chrono>
#include <optional>

#include "base/result.h"
#include "tracer/clock/host_clock.h"
#include "tracer/clock/sample.h"
#include "tracer/recording/writer.h"

namespace trapline::cli {

// Two samples at first, 2 ms apart; then ever less often, up to every 100 ms. `writer` outlives it.
class ClockSampler {
 public:
  explicit ClockSampler(recording::RecordingWriter& writer) : writer_(writer) {}

  [[nodiscard]] Status begin();
  [[nodiscard]] Status tick();  // takes one if it is time
  [[nodiscard]] Status sample();

  // From the samples so far: an estimate that is good enough for the order of records.
  [[nodiscard]] std::uint64_t estimate_ns(HostTsc tsc) const;

 private:
  recording::RecordingWriter& writer_;
  tracer::ClockSample first_{};
  std::optional<tracer::HostClock> clock_;  // through the first and the latest sample
  std::chrono::milliseconds interval_{0};
  std::chrono::steady_clock::time_point next_;
};

}  // namespace trapline::cli
