#include "vmm/machine/doorbell.h"

#include <gtest/gtest.h>

#include <atomic>
#include <semaphore>

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
  doorbell.write(GUEST_PORT_DOORBELL_DELAY, 4, 2000);
  doorbell.write(GUEST_PORT_DOORBELL_RING, 4, GUEST_DOORBELL_MSI);
  ASSERT_TRUE(interrupt.raised.try_acquire_for(kLong));
  EXPECT_GE(steady_clock::now() - rung, std::chrono::microseconds(2000));
  EXPECT_EQ(interrupt.last, RaiseKind::msi);
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
