#include "tracer/recorder/event_batch.h"

#include <gtest/gtest.h>

#include <cstring>

namespace trapline::tracer {
namespace {

trl_kvm_event event_at(std::uint64_t ns, std::uint64_t arg) {
  trl_kvm_event event{};
  event.head.timestamp_ns = ns;
  event.head.id = TRL_EOI;
  event.arg0 = arg;
  return event;
}

void add(EventBatch& batch, const trl_kvm_event& event) {
  batch.add(std::as_bytes(std::span(&event, 1)));
}

std::uint64_t arg_at(std::span<const std::byte> bytes, std::size_t offset) {
  trl_kvm_event event;
  std::memcpy(&event, bytes.data() + offset, sizeof event);
  return event.arg0;
}

TEST(EventBatch, PutsNestedInterruptsInOrder) {
  EventBatch batch;
  add(batch, event_at(20, 2));  // reserved first, stamped after the interrupt that nested
  add(batch, event_at(10, 1));
  add(batch, event_at(30, 3));
  const auto sorted = batch.sorted();
  EXPECT_EQ(sorted.first, HostNs{10});
  EXPECT_EQ(sorted.last, HostNs{30});
  ASSERT_EQ(sorted.bytes.size(), 3 * sizeof(trl_kvm_event));
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(arg_at(sorted.bytes, i * sizeof(trl_kvm_event)), i + 1);
  EXPECT_EQ(batch.lifted(), 0u);
}

TEST(EventBatch, KeepsRecordsOfDifferentSizesWhole) {
  EventBatch batch;
  trl_exit_cycle open{};
  open.head.timestamp_ns = 5;
  open.head.id = TRL_CYCLE_OPEN;
  open.rip = 0x1234;
  add(batch, event_at(7, 1));
  batch.add(std::as_bytes(std::span(&open, 1)));
  const auto sorted = batch.sorted();
  ASSERT_EQ(sorted.bytes.size(), sizeof(trl_exit_cycle) + sizeof(trl_kvm_event));
  trl_exit_cycle first;
  std::memcpy(&first, sorted.bytes.data(), sizeof first);
  EXPECT_EQ(first.rip, 0x1234u);
  EXPECT_EQ(arg_at(sorted.bytes, sizeof first), 1u);
}

TEST(EventBatch, NeverGoesBackBeyondTheLastBatch) {
  EventBatch batch;
  add(batch, event_at(100, 1));
  EXPECT_EQ(batch.sorted().last, HostNs{100});
  batch.clear();
  add(batch, event_at(90, 2));
  add(batch, event_at(120, 3));
  const auto sorted = batch.sorted();
  EXPECT_EQ(sorted.first, HostNs{100});
  EXPECT_EQ(sorted.last, HostNs{120});
  EXPECT_EQ(batch.lifted(), 1u);
}

}  // namespace
}  // namespace trapline::tracer
