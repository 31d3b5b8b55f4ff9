#include "tracer/clock/guest_clock.h"

#include <gtest/gtest.h>

namespace trapline::tracer {
namespace {

// One tick a nanosecond: host time is host TSC + 1,000,000.
HostClock plain_clock() {
  auto clock = HostClock::through(
      {{HostTsc{0}, HostNs{1'000'000}, 0}, {HostTsc{1'000'000'000}, HostNs{1'001'000'000}, 0}});
  EXPECT_TRUE(clock);
  return *clock;
}

TEST(GuestClock, TakesTheOffsetAway) {
  const HostClock host = plain_clock();
  const GuestClock guest(-500);
  EXPECT_EQ(guest.to_ns(GuestTsc{1500}, host, HostNs{}), HostNs{1'002'000});
}

TEST(GuestClock, DatesStampsByTheOffsetOfTheirTime) {
  const HostClock host = plain_clock();
  GuestClock guest(-1000);
  guest.offset_changed(HostNs{1'050'000}, 200'000);  // the guest set its TSC forward at host TSC 50,000
  // Before the change: host TSC 40,000 reads 39,000 in the guest; after it host TSC 60,000 reads 260,000.
  EXPECT_EQ(guest.to_ns(GuestTsc{39'000}, host, HostNs{}), HostNs{1'040'000});
  EXPECT_EQ(guest.to_ns(GuestTsc{260'000}, host, HostNs{1'040'000}), HostNs{1'060'000});
}

TEST(GuestClock, FollowsManyChangesBackAndForth) {
  const HostClock host = plain_clock();
  GuestClock guest(0);
  const auto offset_at = [](std::uint64_t step) { return step % 2 == 0 ? 0 : -300'000 - std::int64_t(step); };
  for (std::uint64_t step = 1; step < 50; ++step) {
    guest.offset_changed(HostNs{1'000'000 + step * 1'000'000}, offset_at(step));
  }
  EXPECT_EQ(guest.offset_changes(), 49u);
  HostNs last;
  for (std::uint64_t step = 0; step < 50; ++step) {
    const std::uint64_t host_tsc = step * 1'000'000 + 500'000;
    const GuestTsc stamp{host_tsc + static_cast<std::uint64_t>(offset_at(step))};
    last = guest.to_ns(stamp, host, last);
    EXPECT_EQ(last, HostNs{host_tsc + 1'000'000}) << step;
  }
}

}  // namespace
}  // namespace trapline::tracer
