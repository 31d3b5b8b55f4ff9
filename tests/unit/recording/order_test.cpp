#include "tracer/recording/order.h"

#include <gtest/gtest.h>

#include <vector>

#include "bpf/record.h"
#include "tracer/recording/records.h"

namespace trapline::recording {
namespace {

GuestStampRecord stamp(std::uint64_t ns, std::uint64_t seq) {
  GuestStampRecord record{};
  record.head.timestamp_ns = ns;
  record.seq = seq;
  return record;
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> times(const std::vector<GuestStampRecord>& records) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> times;
  times.reserve(records.size());
  for (const auto& record : records)
    times.emplace_back(record.head.timestamp_ns, record.seq);
  return times;
}
using Times = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

TEST(Order, SortsAndKeepsEqualsAsTheyAre) {
  std::vector<GuestStampRecord> records = {stamp(5, 0), stamp(3, 1), stamp(5, 2), stamp(3, 3)};
  EXPECT_EQ(put_in_order<GuestStampRecord>(records, HostNs{1}), 0u);
  EXPECT_EQ(times(records), (Times{{3, 1}, {3, 3}, {5, 0}, {5, 2}}));
}

TEST(Order, LiftsWhatIsOlderThanTheStream) {
  std::vector<GuestStampRecord> records = {stamp(5, 0), stamp(1, 1), stamp(2, 2)};
  EXPECT_EQ(put_in_order<GuestStampRecord>(records, HostNs{4}), 2u);
  EXPECT_EQ(times(records), (Times{{4, 1}, {4, 2}, {5, 0}}));
}

TEST(Order, LiftsEstimatesWithoutMovingRecords) {
  std::vector<GuestStampRecord> records = {stamp(5, 0), stamp(3, 1), stamp(6, 2), stamp(5, 3)};
  EXPECT_EQ(lift_to_order<GuestStampRecord>(records, HostNs{4}), 2u);
  EXPECT_EQ(times(records), (Times{{5, 0}, {5, 1}, {6, 2}, {6, 3}}));
  EXPECT_EQ(lift_to_order<GuestStampRecord>({}, HostNs{4}), 0u);
}

}  // namespace
}  // namespace trapline::recording
