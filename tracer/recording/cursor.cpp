#include <algorithm>
#include <cstring>
#include <utility>

#include "tracer/recording/reader.h"

namespace trapline::recording {
namespace {

// Packets and events are multiples of 8 bytes and files are mapped at pages: the pointer is aligned for its
// record.
template <typename Record>
const Record* record_at(const std::byte* bytes) {
  static_assert(alignof(Record) <= 8 && sizeof(Record) % 8 == 0);
  return reinterpret_cast<const Record*>(bytes);
}

EventRecord typed_record(std::uint16_t id, const std::byte* bytes) {
  switch (id) {
    case TRL_EXIT_CYCLE:
    case TRL_CYCLE_OPEN:
      return record_at<trl_exit_cycle>(bytes);
    case kGuestStamp:
      return record_at<GuestStampRecord>(bytes);
    case kExitHandled:
      return record_at<ExitHandledRecord>(bytes);
    case kInterruptRaised:
      return record_at<InterruptRaisedRecord>(bytes);
    case kVmmStep:
      return record_at<VmmStepRecord>(bytes);
    default:
      return record_at<trl_kvm_event>(bytes);
  }
}

}  // namespace

StreamCursor::StreamCursor(const std::string* file, StreamKey key, std::span<const std::byte> packets)
    : file_(file), key_(key), packets_(packets) {}

void StreamCursor::damaged(std::uint64_t offset, std::string_view what) {
  status_ = damaged_at(*file_, offset, what);
  packets_ = {};
  position_ = packet_end_ = 0;
}

// Enters the next packet; true if it tells of a loss. The sizes were checked when the reader was opened, and
// are again: somebody may have written to the file since.
bool StreamCursor::begin_packet(Event& event) {
  const auto packet = packet_at(packets_.subspan(position_), key_);
  if (!packet) {
    damaged(position_, packet.error().cut ? "the file became shorter" : packet.error().damage);
    return false;
  }
  const PacketHeader& header = packet->header;
  if (header.timestamp_begin < latest_) {
    damaged(position_, "the packet is older than the one before it");
    return false;
  }
  gap_ = {HostNs{position_ == 0 ? header.timestamp_begin : latest_}, HostNs{header.timestamp_end},
          header.events_discarded - discarded_};
  discarded_ = header.events_discarded;
  packet_end_ = position_ + sizeof header + packet->events.size();
  position_ += sizeof header;
  packet_timestamp_end_ = header.timestamp_end;
  latest_ = std::max(latest_, header.timestamp_begin);
  if (gap_.lost == 0) return false;
  event = {gap_.after, key_, &gap_};
  return true;
}

void StreamCursor::read_event(Event& event) {
  const std::size_t rest = packet_end_ - position_;
  trl_record_head head;
  if (rest < sizeof head) return damaged(position_, "an event reaches beyond its packet");
  const std::byte* bytes = packets_.data() + position_;
  std::memcpy(&head, bytes, sizeof head);
  const EventRow* row = find_event(head.id);
  if (row == nullptr || row->stream != key_.stream) {
    return damaged(position_, "there is no such event in this stream");
  }
  if (row->size > rest) return damaged(position_, "an event reaches beyond its packet");
  if (head.timestamp_ns < latest_ || head.timestamp_ns > packet_timestamp_end_) {
    return damaged(position_, "the event's time is not between those of its neighbours");
  }
  latest_ = head.timestamp_ns;
  position_ += row->size;
  event = {HostNs{head.timestamp_ns}, key_, typed_record(head.id, bytes)};
}

bool StreamCursor::next(Event& event) {
  while (position_ == packet_end_) {
    latest_ = std::max(latest_, packet_timestamp_end_);
    if (packet_end_ == packets_.size()) return false;
    if (begin_packet(event)) return true;
    if (!status_) return false;
  }
  read_event(event);
  return status_.has_value();
}

// ---- Several streams
// -------------------------------------------------------------------------------------------

MergedCursor::MergedCursor(std::vector<StreamCursor> cursors) {
  sources_.reserve(cursors.size());
  heap_.reserve(cursors.size());
  for (StreamCursor& cursor : cursors)
    sources_.push_back({std::move(cursor), {}});
  for (std::size_t source = 0; source < sources_.size(); ++source) {
    if (refill(source)) push(source);
  }
}

bool MergedCursor::refill(std::size_t source) {
  StreamCursor& cursor = sources_[source].cursor;
  if (cursor.next(sources_[source].event)) return true;
  if (!cursor.status() && status_) status_ = cursor.status();
  return false;
}

void MergedCursor::push(std::size_t source) {
  heap_.push_back(source);
  std::push_heap(heap_.begin(), heap_.end(), Later{&sources_});
}

// A stream has many events in a row more often than not: as long as its next one comes before the heap's
// first, the heap stays as it is.
bool MergedCursor::next(Event& event) {
  if (taken_ && refill(*taken_)) {
    if (!heap_.empty() && Later{&sources_}(*taken_, heap_.front())) {
      push(*taken_);
      taken_.reset();
    }
  } else {
    taken_.reset();
  }
  if (!taken_) {
    if (heap_.empty()) return false;
    std::pop_heap(heap_.begin(), heap_.end(), Later{&sources_});
    taken_ = heap_.back();
    heap_.pop_back();
  }
  event = sources_[*taken_].event;
  return true;
}

}  // namespace trapline::recording
