#include "tracer/recorder/event_batch.h"

#include <algorithm>
#include <cstring>

namespace trapline::tracer {

void EventBatch::add(std::span<const std::byte> record) {
  trl_record_head head;
  std::memcpy(&head, record.data(), sizeof head);
  places_.push_back({head.timestamp_ns, static_cast<std::uint32_t>(bytes_.size()),
                     static_cast<std::uint32_t>(record.size())});
  bytes_.insert(bytes_.end(), record.begin(), record.end());
}

EventBatch::Sorted EventBatch::sorted() {
  std::stable_sort(places_.begin(), places_.end(),
                   [](const Place& a, const Place& b) { return a.timestamp_ns < b.timestamp_ns; });
  in_order_.clear();
  for (Place& place : places_) {
    if (place.timestamp_ns < written_until_) {
      place.timestamp_ns = written_until_;
      ++lifted_;
      std::memcpy(bytes_.data() + place.offset, &place.timestamp_ns, sizeof place.timestamp_ns);
    }
    const auto begin = bytes_.begin() + place.offset;
    in_order_.insert(in_order_.end(), begin, begin + place.size);
  }
  written_until_ = places_.back().timestamp_ns;
  return {in_order_, HostNs{places_.front().timestamp_ns}, HostNs{written_until_}};
}

void EventBatch::clear() {
  places_.clear();
  bytes_.clear();
}

}  // namespace trapline::tracer
