// Guests that set their TSC, forwards and backwards, and a KVM that synchronises it: over many of them, each
// stamp gets its own date.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "drifting_clock.h"
#include "tracer/clock/guest_clock.h"

namespace trapline::tracer {
namespace {

using test::DriftingClock;

constexpr double kTicksPerMs = 3e6;

struct Change {
  double tick;
  std::int64_t offset;  // from then on
};

class ChangingGuest : public testing::Test {
 protected:
  void make_host(std::mt19937_64& random) {
    truth_ = DriftingClock(1.0 / 3.0 * (1 + std::uniform_real_distribution<double>(-1e-4, 1e-4)(random)));
    constexpr std::size_t kSamples = 12;
    std::vector<ClockSample> samples;
    samples.reserve(kSamples);
    for (std::size_t i = 0; i < kSamples; ++i)
      samples.push_back(truth_.sample(1e6 + static_cast<double>(i) * 100 * kTicksPerMs, 100, random));
    auto clock = HostClock::through(samples);
    ASSERT_TRUE(clock);
    host_.emplace(*clock);
  }

  // Changes at least 20 ms apart. Small ones are what a synchronising KVM does, large ones a guest's own.
  static std::vector<Change> make_changes(std::mt19937_64& random, std::int64_t least_ticks,
                                          bool forwards_only) {
    std::vector<Change> changes;
    double tick = 50 * kTicksPerMs;
    std::int64_t offset = 0;
    for (std::uint64_t i = random() % 12; i > 0; --i) {
      tick = std::floor(tick + std::uniform_real_distribution<double>(20, 80)(random) * kTicksPerMs);
      const std::int64_t sizes[] = {30'000, 3'000'000, 600'000'000, std::int64_t{1} << 42};
      const auto by =
          least_ticks + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(sizes[random() % 4]));
      offset += forwards_only || random() % 2 == 0 ? by : -by;
      changes.push_back({tick, offset});
    }
    return changes;
  }

  GuestClock make_guest(std::int64_t initial, const std::vector<Change>& changes) const {
    GuestClock guest(initial);
    for (const Change& change : changes) {
      guest.offset_changed(HostNs{static_cast<std::uint64_t>(std::llround(truth_.ns(change.tick)))},
                           initial + change.offset);
    }
    return guest;
  }

  static std::int64_t offset_at(double tick, const std::vector<Change>& changes) {
    std::int64_t offset = 0;
    for (const Change& change : changes) {
      if (change.tick <= tick) offset = change.offset;
    }
    return offset;
  }

  static GuestTsc stamp_at(double tick, std::int64_t initial, const std::vector<Change>& changes) {
    return {static_cast<std::uint64_t>(static_cast<std::int64_t>(tick) + initial + offset_at(tick, changes))};
  }

  [[nodiscard]] double error_ns(HostNs date, double tick) const {
    return std::fabs(static_cast<double>(date.value) - truth_.ns(tick));
  }
  [[nodiscard]] double bound_ns() const { return static_cast<double>(host_->error_bound_ns()); }

  DriftingClock truth_{1};
  std::optional<HostClock> host_;
};

// Stamps up to every 30 us, and right before and after each change; changes of 100 us and more.
TEST_F(ChangingGuest, EveryStampIsDatedByItsOwnOffset) {
  std::size_t changes_seen = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    std::mt19937_64 random(seed);
    make_host(random);
    for (int vcpu = 0; vcpu < 3; ++vcpu) {  // each with changes of its own
      const auto changes = make_changes(random, 300'000, false);
      const std::int64_t initial = -static_cast<std::int64_t>(random() % 100'000'000);
      const GuestClock guest = make_guest(initial, changes);
      changes_seen += guest.offset_changes();
      std::vector<double> ticks;
      for (double tick = 40 * kTicksPerMs; tick < 1000 * kTicksPerMs;) {
        // Densely around changes, where it matters.
        const bool near = std::ranges::any_of(
            changes, [&](const Change& change) { return std::fabs(change.tick - tick) < 2 * kTicksPerMs; });
        tick = std::floor(tick + 1 + static_cast<double>(random() % (near ? 90'000 : 3'000'000)));
        ticks.push_back(tick);
      }
      for (const Change& change : changes) {
        for (const double beside : {-2.0, -1.0, 0.0, 1.0, 2.0})
          ticks.push_back(change.tick + beside);
        for (double at = change.tick - 2 * kTicksPerMs; at < change.tick; at += 60'000)
          ticks.push_back(at);
      }
      std::sort(ticks.begin(), ticks.end());
      HostNs last;
      for (const double tick : ticks) {
        const HostNs date = guest.to_ns(stamp_at(tick, initial, changes), *host_, last);
        ASSERT_LE(error_ns(date, tick), bound_ns() + 0.01)
            << "seed " << seed << ", vCPU " << vcpu << ", tick " << tick;
        ASSERT_GE(ns_between(last, date), -static_cast<std::int64_t>(host_->error_bound_ns()))
            << "seed " << seed;
        last = std::max(last, date);
      }
    }
  }
  EXPECT_GT(changes_seen, 500u);
}

// However few the stamps: a change forwards leaves no doubt, as long as it is larger than the clock's error.
TEST_F(ChangingGuest, ChangesForwardsLeaveNoDoubt) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    std::mt19937_64 random(seed);
    make_host(random);
    const auto changes = make_changes(random, static_cast<std::int64_t>(bound_ns() * 3 * 3), true);
    const GuestClock guest = make_guest(-5000, changes);
    HostNs last;
    for (double tick = 40 * kTicksPerMs; tick < 1000 * kTicksPerMs;
         tick = std::floor(tick + static_cast<double>(random() % 150'000'000))) {
      const HostNs date = guest.to_ns(stamp_at(tick, -5000, changes), *host_, last);
      ASSERT_LE(error_ns(date, tick), bound_ns() + 0.01) << "seed " << seed << ", tick " << tick;
      last = std::max(last, date);
    }
  }
}

// With few stamps a change backwards can be in doubt; then the date is off by the change, not by more.
TEST_F(ChangingGuest, DoubtIsNeverLargerThanTheChange) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    std::mt19937_64 random(seed);
    make_host(random);
    std::vector<Change> changes;
    const double largest = 3'000'000;  // 1 ms
    for (double tick = 100 * kTicksPerMs; tick < 900 * kTicksPerMs; tick += 50 * kTicksPerMs) {
      const std::int64_t before = changes.empty() ? 0 : changes.back().offset;
      changes.push_back(
          {tick, before - 1 - static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(largest))});
    }
    const GuestClock guest = make_guest(0, changes);
    HostNs last;
    for (double tick = 40 * kTicksPerMs; tick < 1000 * kTicksPerMs;
         tick = std::floor(tick + 1 + static_cast<double>(random() % 9'000'000))) {
      const HostNs date = guest.to_ns(stamp_at(tick, 0, changes), *host_, last);
      ASSERT_LE(error_ns(date, tick), bound_ns() + largest / 3 * 1.001)
          << "seed " << seed << ", tick " << tick;
      last = std::max(last, date);
    }
  }
}

// An ISR that comes between a stamp's number and its TSC reads an earlier TSC under a later number.
TEST_F(ChangingGuest, StampsOfAnIsrMayBeOlderThanTheOneBefore) {
  std::mt19937_64 random(1);
  make_host(random);
  const std::vector<Change> changes = {{300 * kTicksPerMs, 1 << 20}, {600 * kTicksPerMs, 1 << 30}};
  const GuestClock guest = make_guest(0, changes);
  for (const double begin : {200.0, 299.9, 300.1, 450.0, 599.9, 600.1, 800.0}) {
    const double tick = begin * kTicksPerMs;
    const HostNs interrupted = guest.to_ns(stamp_at(tick, 0, changes), *host_, HostNs{});
    EXPECT_LE(error_ns(interrupted, tick), bound_ns()) << begin;
    const HostNs isr = guest.to_ns(stamp_at(tick - 30'000, 0, changes), *host_, interrupted);
    EXPECT_LE(error_ns(isr, tick - 30'000), bound_ns()) << begin;
  }
}

}  // namespace
}  // namespace trapline::tracer
