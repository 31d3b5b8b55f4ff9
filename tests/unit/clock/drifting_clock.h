// Clocks that drift, change their rate and step as told, to measure ours by.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "tracer/clock/sample.h"

namespace trapline::tracer::test {

// The true time of every tick.
class DriftingClock {
 public:
  explicit DriftingClock(double ns_per_tick) : pieces_{{0, 5e12, ns_per_tick}} {}

  // From `tick` on, which is later than all earlier changes.
  void change(double tick, double ns_per_tick, double step_ns) {
    pieces_.push_back({tick, steady_ns(tick) + step_ns, ns_per_tick});
  }
  void wave(double ns, double ticks) {
    wave_ns_ = ns;
    wave_ticks_ = ticks;
  }

  [[nodiscard]] double ns(double tick) const {
    return steady_ns(tick) + wave_ns_ * std::sin(tick / wave_ticks_);
  }
  [[nodiscard]] double rate() const { return pieces_.back().ns_per_tick; }
  // Ticks at which something changed.
  [[nodiscard]] std::vector<double> changes() const {
    std::vector<double> ticks;
    for (const Piece& piece : pieces_)
      ticks.push_back(piece.tick);
    return ticks;
  }

  // What take_clock_sample would find at `tick`: the clock read anywhere within the width.
  [[nodiscard]] ClockSample sample(double tick, std::uint64_t half_width, std::mt19937_64& random) const {
    const auto width = static_cast<double>(half_width);
    const double read_at = tick + std::uniform_real_distribution<double>(-width, width)(random);
    return {HostTsc{static_cast<std::uint64_t>(tick)},
            HostNs{static_cast<std::uint64_t>(std::llround(ns(read_at)))}, half_width};
  }

 private:
  struct Piece {
    double tick;
    double ns;
    double ns_per_tick;
  };
  [[nodiscard]] double steady_ns(double tick) const {
    auto piece = pieces_.rbegin();
    while (piece + 1 != pieces_.rend() && piece->tick > tick)
      ++piece;
    return piece->ns + (tick - piece->tick) * piece->ns_per_tick;
  }

  std::vector<Piece> pieces_;
  double wave_ns_ = 0;
  double wave_ticks_ = 1;
};

}  // namespace trapline::tracer::test
