// Recordings of a guest that never was, as what a diff reads: with known truth, and as long as a test likes.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <string>

#include "analysis/diff.h"
#include "tests/support/collecting_sink.h"

namespace trapline::analysis::test {

// Exits of one kind as a process in time.
struct Process {
  double exits = 2000;        // in the whole recording, on average
  double median_ns = 10'000;  // of their durations, which are log-normal
  double spread = 0.3;        // standard deviation of the logarithm
  double memory = 0;          // how much of its deviation a duration keeps from the one before: 0 to 1
  double burst = 0;           // the same of the rate, which then swings by half from ten exits to the next
};

inline constexpr std::uint64_t kTracedNs = 10'000'000'000;

// A vCPU that is in the guest all the time, but for its exits.
class MadeRecording {
 public:
  explicit MadeRecording(std::uint64_t seed, std::uint64_t traced_ns = kTracedNs)
      : traced_ns_(traced_ns),
        random_(seed),
        collector_(TimeGrid::over(HostNs{kBegin}, HostNs{kBegin + traced_ns}), false) {
    collector_.state(0, {HostNs{kBegin}, HostNs{kBegin + traced_ns}, tracer::State::guest});
  }

  void add(const std::string& reason, const Process& process) {
    std::normal_distribution<double> normal;
    double duration = normal(random_);
    double rate = 0;
    double at = 0;
    const double gap = static_cast<double>(traced_ns_) / process.exits;
    for (std::uint64_t i = 0;; ++i) {
      at += gap * std::exp(-0.5 * rate) * std::exponential_distribution<double>(1)(random_);
      if (at >= static_cast<double>(traced_ns_)) return;
      duration = process.memory * duration + std::sqrt(1 - process.memory * process.memory) * normal(random_);
      if (process.burst != 0 && i % 10 == 0)
        rate = process.burst * rate + std::sqrt(1 - process.burst * process.burst) * normal(random_);
      exit(reason, static_cast<std::uint64_t>(at),
           static_cast<std::uint64_t>(process.median_ns * std::exp(process.spread * duration)));
    }
  }

  void exit(const std::string& reason, std::uint64_t at_ns, std::uint64_t duration_ns) {
    tracer::Exit exit;
    exit.exit = HostNs{kBegin + at_ns};
    exit.entry = HostNs{exit.exit.value + duration_ns};
    exit.what = tracer::test::description(reason);
    collector_.exit(0, exit);
  }

  [[nodiscard]] RecordingRows take() { return collector_.take(); }
  [[nodiscard]] RowCollector& collector() { return collector_; }

 private:
  static constexpr std::uint64_t kBegin = 1'000'000;
  std::uint64_t traced_ns_;
  std::mt19937_64 random_;
  RowCollector collector_;
};

}  // namespace trapline::analysis::test
