#include "vmm/machine/doorbell.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <semaphore>

#include "vmm/machine/tsc.h"

namespace trapline::vmm {
namespace {

using std::chrono::steady_clock;
constexpr std::chrono::seconds kLong{20};  // only ever waited for when the test fails

struct FakeInterrupt {
  Status operator()(RaiseKind kind) {
    last = kind;
    ++count;
    raised.release();
    return {};
  }
  std::atomic<RaiseKind> last{};
  std::atomic<int> count{0};
  std::counting_semaphore<> raised{0};
};

TEST(Doorbell, RaisesWhatWasAskedForAfterTheDelay) {
  FakeInterrupt interrupt;
  Doorbell doorbell(std::ref(interrupt));
  const auto rung = steady_clock::now();
  const HostTsc before = read_host_tsc();
  doorbell.write(GUEST_PORT_DOORBELL_DELAY, 4, 2000);
  doorbell.write(GUEST_PORT_DOORBELL_RING, 4, GUEST_DOORBELL_MSI);
  ASSERT_TRUE(interrupt.raised.try_acquire_for(kLong));
  EXPECT_GE(steady_clock::now() - rung, std::chrono::microseconds(2000));
  EXPECT_EQ(interrupt.last, RaiseKind::msi);

  std::array<InterruptRaised, 4> target{};
  std::span<const InterruptRaised> told;
  while (told.empty())
    told = doorbell.take_raised(target);  // told just after it was raised
  EXPECT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].kind, RaiseKind::msi);
  EXPECT_EQ(told[0].gsi_or_vector, std::uint32_t{GUEST_VECTOR_DEVICE_MSI});
  EXPECT_GT(told[0].tid, 0);
  EXPECT_GT(told[0].tsc, before);
  EXPECT_LT(told[0].tsc, read_host_tsc());
  EXPECT_EQ(doorbell.take_lost(), 0U);
}

TEST(Doorbell, RaisesAgainAndAgain) {
  FakeInterrupt interrupt;
  Doorbell doorbell(std::ref(interrupt));
  for (int i = 0; i < 200; ++i) {
    doorbell.write(GUEST_PORT_DOORBELL_RING, 4, GUEST_DOORBELL_LINE);
    ASSERT_TRUE(interrupt.raised.try_acquire_for(kLong)) << i;
  }
  EXPECT_EQ(interrupt.count, 200);
  EXPECT_EQ(interrupt.last, RaiseKind::line);
}

TEST(Doorbell, RingingAgainReplaces) {
  FakeInterrupt interrupt;
  Doorbell doorbell(std::ref(interrupt));
  doorbell.write(GUEST_PORT_DOORBELL_DELAY, 4, 0xffffffff);  // over an hour
  doorbell.write(GUEST_PORT_DOORBELL_RING, 4, GUEST_DOORBELL_LINE);
  doorbell.write(GUEST_PORT_DOORBELL_DELAY, 4, 0);
  doorbell.write(GUEST_PORT_DOORBELL_RING, 4, GUEST_DOORBELL_MSI);
  ASSERT_TRUE(interrupt.raised.try_acquire_for(kLong));
  EXPECT_EQ(interrupt.last, RaiseKind::msi);
  EXPECT_EQ(interrupt.count, 1);
}

TEST(Doorbell, EndsWhileItWaits) {
  FakeInterrupt interrupt;
  {
    Doorbell idle(std::ref(interrupt));
    Doorbell rung(std::ref(interrupt));
    rung.write(GUEST_PORT_DOORBELL_DELAY, 4, 0xffffffff);
    rung.write(GUEST_PORT_DOORBELL_RING, 4, GUEST_DOORBELL_LINE);
  }
  EXPECT_EQ(interrupt.count, 0);
}

TEST(Doorbell, KeepsTheErrorOfAFailedRaise) {
  std::binary_semaphore called{0};
  Doorbell doorbell([&](RaiseKind /*kind*/) -> Status {
    called.release();
    return fail("no such GSI");
  });
  EXPECT_FALSE(doorbell.error());
  doorbell.write(GUEST_PORT_DOORBELL_RING, 4, GUEST_DOORBELL_LINE);
  ASSERT_TRUE(called.try_acquire_for(kLong));
  const auto limit = steady_clock::now() + kLong;
  while (!doorbell.error() && steady_clock::now() < limit)
    std::this_thread::yield();
  ASSERT_TRUE(doorbell.error());
  EXPECT_EQ(doorbell.error()->what, "no such GSI");
}

}  // namespace
}  // namespace trapline::vmm
