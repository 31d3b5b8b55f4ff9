// Puts records into the order that a stream must have.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "base/time.h"

namespace trapline::recording {

// Sorts records by their time stamps, equal ones staying as they are, and lifts those older than `not_before`
// (the stream's last_written) to it. Returns how many were lifted.
template <typename Record>
std::uint64_t put_in_order(std::span<Record> records, HostNs not_before) {
  const auto older = [](const Record& a, const Record& b) {
    return a.head.timestamp_ns < b.head.timestamp_ns;
  };
  if (!std::is_sorted(records.begin(), records.end(), older)) {
    std::stable_sort(records.begin(), records.end(), older);
  }
  std::uint64_t lifted = 0;
  for (Record& record : records) {
    if (record.head.timestamp_ns >= not_before.value) break;
    record.head.timestamp_ns = not_before.value;
    ++lifted;
  }
  return lifted;
}

// For records whose order is known (sequence numbers) but whose time stamps are estimates: lifts each to the
// one before it. Returns how many were lifted.
template <typename Record>
std::uint64_t lift_to_order(std::span<Record> records, HostNs not_before) {
  std::uint64_t latest = not_before.value;
  std::uint64_t lifted = 0;
  for (Record& record : records) {
    if (record.head.timestamp_ns < latest) {
      record.head.timestamp_ns = latest;
      ++lifted;
    }
    latest = record.head.timestamp_ns;
  }
  return lifted;
}

}  // namespace trapline::recording
