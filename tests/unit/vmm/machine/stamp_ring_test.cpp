#include "vmm/machine/stamp_ring.h"

#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <random>
#include <thread>

namespace trapline::vmm {
namespace {

constexpr std::size_t kSlots = 64;

// Writes as the guest does: reserves by the head, fills the slot, `seq` last.
class StampRing : public ::testing::Test {
 protected:
  void SetUp() override {
    auto reader = StampReader::create(std::as_writable_bytes(std::span(&shared_, 1)),
                                      std::as_writable_bytes(std::span(slots_)));
    ASSERT_TRUE(reader);
    reader_.emplace(std::move(*reader));
  }

  std::uint64_t reserve() { return shared_.head++; }
  void fill(std::uint64_t sequence) {
    guest_stamp& slot = slots_[sequence % kSlots];
    slot.tsc = sequence * 10;
    slot.arg = sequence;
    slot.kind = GUEST_STAMP_U0;
    slot.seq = sequence + 1;
  }
  void write(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      fill(reserve());
  }

  guest_shared shared_{};
  std::vector<guest_stamp> slots_ = std::vector<guest_stamp>(kSlots);
  std::optional<StampReader> reader_;
};

TEST_F(StampRing, ReadsInOrderAndTellsTheGuest) {
  EXPECT_TRUE(reader_->read().empty());
  write(3);
  const auto batch = reader_->read();
  ASSERT_EQ(batch.stamps.size(), 3U);
  EXPECT_EQ(batch.lost, 0U);
  EXPECT_EQ(batch.stamps[2].tsc, 20U);
  EXPECT_EQ(shared_.tail, 3U);
  EXPECT_TRUE(reader_->read().empty());
}

TEST_F(StampRing, AFullRingLosesNothing) {
  write(kSlots);
  const auto batch = reader_->read();
  EXPECT_EQ(batch.stamps.size(), kSlots);
  EXPECT_EQ(batch.lost, 0U);
}

TEST_F(StampRing, CountsWhatWasOverwritten) {
  write(kSlots + 10);
  const auto batch = reader_->read();
  EXPECT_EQ(batch.lost, 10U);
  ASSERT_EQ(batch.stamps.size(), kSlots);
  EXPECT_EQ(batch.stamps.front().arg, 10U);
  EXPECT_EQ(batch.stamps.back().arg, kSlots + 9);
}

TEST_F(StampRing, WaitsForASlotThatIsNotFinished) {
  write(1);
  const std::uint64_t interrupted = reserve();
  write(2);  // an ISR's, in the middle of the other
  EXPECT_EQ(reader_->read().stamps.size(), 1U);
  EXPECT_TRUE(reader_->read().empty());
  fill(interrupted);
  const auto batch = reader_->read();
  ASSERT_EQ(batch.stamps.size(), 3U);
  EXPECT_EQ(batch.stamps[0].arg, interrupted);
}

TEST_F(StampRing, ASlotReservedForANewerStampIsNotTrusted) {
  write(kSlots);
  // The guest has reserved slot 0 again and is half through writing it: seq is still the old one.
  const std::uint64_t newer = reserve();
  slots_[newer % kSlots].arg = 999;
  const auto batch = reader_->read();
  EXPECT_EQ(batch.lost, 1U);
  ASSERT_EQ(batch.stamps.size(), kSlots - 1);
  EXPECT_EQ(batch.stamps.front().arg, 1U);
}

TEST_F(StampRing, AStoppedGuestsUnfinishedSlotsAreLost) {
  write(2);
  reserve();
  write(1);
  EXPECT_EQ(reader_->read_stopped().stamps.size(), 2U);
  const auto batch = reader_->read_stopped();
  EXPECT_EQ(batch.lost, 1U);
  ASSERT_EQ(batch.stamps.size(), 1U);
  EXPECT_EQ(batch.stamps[0].arg, 3U);
  EXPECT_TRUE(reader_->read_stopped().empty());
}

TEST_F(StampRing, AStoppedGuestWithoutAnyFinishedSlotComesToAnEnd) {
  shared_.head = 40;
  std::uint64_t lost = 0;
  for (int i = 0; i < 10; ++i)
    lost += reader_->read_stopped().lost;
  EXPECT_EQ(lost, 40U);
  EXPECT_TRUE(reader_->read_stopped().empty());
}

TEST_F(StampRing, HostileHeadsAreSurvived) {
  write(5);
  EXPECT_EQ(reader_->read().stamps.size(), 5U);
  shared_.head = 0;  // backwards
  EXPECT_TRUE(reader_->read().empty());
  shared_.head = ~std::uint64_t{0};
  EXPECT_TRUE(reader_->read().stamps.empty());
  for (int i = 0; i < 10; ++i)
    (void)reader_->read_stopped();
  EXPECT_TRUE(reader_->read_stopped().empty());
}

TEST_F(StampRing, RandomContentIsSurvived) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 20000; ++i) {
    shared_.head = i % 3 == 0 ? random() : shared_.head + random() % 200;
    slots_[random() % kSlots].seq = shared_.head - random() % 100;
    const auto batch = i % 2 == 0 ? reader_->read() : reader_->read_stopped();
    EXPECT_LE(batch.stamps.size(), kSlots);
  }
}

TEST_F(StampRing, WholeStampsOnlyWhileTheGuestWrites) {
  constexpr std::uint64_t kStamps = 300000;
  std::jthread guest([this] {
    for (std::uint64_t i = 0; i < kStamps; ++i) {
      const std::uint64_t sequence =
          std::atomic_ref<std::uint64_t>(shared_.head).fetch_add(1, std::memory_order_acq_rel);
      auto* const slot = reinterpret_cast<std::uint64_t*>(&slots_[sequence % kSlots]);
      std::atomic_ref<std::uint64_t>(slot[1]).store(sequence, std::memory_order_release);
      std::atomic_ref<std::uint64_t>(slot[3]).store(1, std::memory_order_release);
      std::atomic_ref<std::uint64_t>(slot[0]).store(sequence * 10, std::memory_order_release);
      std::atomic_ref<std::uint64_t>(slot[2]).store(sequence + 1, std::memory_order_release);
    }
  });
  std::uint64_t seen = 0;
  while (seen < kStamps) {
    const auto batch = reader_->read();
    seen += batch.lost;
    for (const guest_stamp& stamp : batch.stamps) {
      EXPECT_EQ(stamp.seq, seen + 1);
      EXPECT_EQ(stamp.arg, seen);
      EXPECT_EQ(stamp.tsc, seen * 10);
      ++seen;
    }
  }
  EXPECT_EQ(seen, kStamps);
}

TEST(StampReader, RefusesRingsThatAreNone) {
  alignas(8) std::byte shared[sizeof(guest_shared)];
  alignas(8) std::byte ring[4096];
  EXPECT_TRUE(StampReader::create(shared, ring));
  EXPECT_FALSE(StampReader::create(std::span(shared).first(8), ring));
  EXPECT_FALSE(StampReader::create(shared, std::span(ring).first(96)));
  EXPECT_FALSE(StampReader::create(shared, std::span(ring).subspan(1, 1024)));
}

TEST(LastStamps, KeepsTheNewest) {
  LastStamps last;
  std::vector<guest_stamp> stamps(40);
  for (std::uint64_t i = 0; i < stamps.size(); ++i)
    stamps[i].seq = i + 1;
  last.add(std::span(stamps).first(10));
  EXPECT_EQ(last.stamps().size(), 10U);
  last.add(std::span(stamps).subspan(10, 3));
  last.add(std::span(stamps).subspan(13));
  const auto kept = last.stamps();
  ASSERT_EQ(kept.size(), LastStamps::kKept);
  EXPECT_EQ(kept.front().seq, 25U);
  EXPECT_EQ(kept.back().seq, 40U);
}

}  // namespace
}  // namespace trapline::vmm
