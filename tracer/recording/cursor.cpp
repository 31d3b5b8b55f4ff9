#include <algorithm>
#include <bit>
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
    : file_(file), key_(key), sizes_(event_sizes(key.stream)), packets_(packets), behind_(packets) {}

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
  const std::size_t size = head.id < sizes_.size() ? sizes_[head.id] : 0;
  if (size == 0) return damaged(position_, "there is no such event in this stream");
  if (size > rest) return damaged(position_, "an event reaches beyond its packet");
  if (head.timestamp_ns < latest_ || head.timestamp_ns > packet_timestamp_end_) {
    return damaged(position_, "the event's time is not between those of its neighbours");
  }
  latest_ = head.timestamp_ns;
  position_ += size;
  event = {HostNs{head.timestamp_ns}, key_, typed_record(head.id, bytes)};
}

bool StreamCursor::next(Event& event) {
  while (position_ == packet_end_) {
    latest_ = std::max(latest_, packet_timestamp_end_);
    if (packet_end_ == packets_.size()) return false;
    if (begin_packet(event)) return true;
    if (!status_) return false;
  }
  behind_.passed(position_);
  read_event(event);
  return status_.has_value();
}

// ---- Several streams
// -------------------------------------------------------------------------------------------

MergedCursor::MergedCursor(std::vector<StreamCursor> cursors)
    : leaves_(std::bit_ceil(std::max<std::size_t>(cursors.size(), 1))),
      times_(2 * leaves_, kNever),
      winners_(2 * leaves_, 0) {
  sources_.reserve(cursors.size());
  for (StreamCursor& cursor : cursors)
    sources_.push_back({std::move(cursor), {}});
  for (std::size_t source = 0; source < sources_.size(); ++source)
    go_on(source);
}

// The source's next event plays its way up the tournament. Streams are interleaved as they please, and no
// branch predictor knows how: there is no branch here that depends on it, and the masks keep the compiler
// from making one. Of equal times the left source's comes first, which has the lower key.
void MergedCursor::go_on(std::size_t source) {
  Source& from = sources_[source];
  from.ended = !from.cursor.next(from.event);
  if (from.ended && !from.cursor.status() && status_) status_ = from.cursor.status();
  std::uint64_t time = from.ended ? kNever : from.event.at.value;
  std::uint64_t winner = source;
  std::size_t node = leaves_ + source;
  times_[node] = time;
  winners_[node] = winner;
  for (; node > 1; node /= 2) {
    const std::size_t other = node ^ 1;
    const std::uint64_t is_earlier = times_[other] < time ? 1 : 0;
    const std::uint64_t is_as_early = times_[other] == time ? 1 : 0;
    const std::uint64_t is_left = node & 1;
    const std::uint64_t mask = std::uint64_t{0} - (is_earlier | (is_as_early & is_left));
    time ^= (time ^ times_[other]) & mask;
    winner ^= (winner ^ winners_[other]) & mask;
    times_[node / 2] = time;
    winners_[node / 2] = winner;
  }
}

// For events at the end of time itself, which look like those of sources that ended.
std::size_t MergedCursor::first_not_ended() const {
  const auto found = std::ranges::find_if(sources_, [](const Source& source) { return !source.ended; });
  return found == sources_.end() ? kNone : static_cast<std::size_t>(found - sources_.begin());
}

bool MergedCursor::next(Event& event) {
  if (taken_ != kNone) go_on(taken_);
  taken_ = times_[1] != kNever ? static_cast<std::size_t>(winners_[1]) : first_not_ended();
  if (taken_ == kNone) return false;
  event = sources_[taken_].event;
  return true;
}

}  // namespace trapline::recording
