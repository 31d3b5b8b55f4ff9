#include "vmm/machine/stamp_ring.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>

namespace trapline::vmm {

namespace {

constexpr std::size_t kWordsPerStamp = sizeof(guest_stamp) / sizeof(std::uint64_t);
constexpr std::size_t kSeqWord = offsetof(guest_stamp, seq) / sizeof(std::uint64_t);

// The guest writes with plain stores; on x86 the order of those is what acquire loads see.
std::uint64_t load(std::uint64_t& word, std::memory_order order) {
  return std::atomic_ref<std::uint64_t>(word).load(order);
}

bool aligned(const std::byte* address) {
  return reinterpret_cast<std::uintptr_t>(address) % alignof(std::uint64_t) == 0;
}

}  // namespace

Result<StampReader> StampReader::create(std::span<std::byte> shared, std::span<std::byte> ring) {
  if (shared.size() < sizeof(guest_shared) || !std::has_single_bit(ring.size()) ||
      ring.size() < sizeof(guest_stamp) || !aligned(shared.data()) || !aligned(ring.data())) {
    return fail("a stamp ring is not a power of two of aligned slots");
  }
  return StampReader(shared, ring);
}

Result<StampReader> StampReader::of_vcpu(const GuestMemory& memory, std::uint32_t vcpu,
                                         std::uint32_t ring_stamps) {
  TRAPLINE_ASSIGN(shared, memory.at(GUEST_SHARED(std::uint64_t{vcpu}), sizeof(guest_shared)));
  TRAPLINE_ASSIGN(ring, memory.at(GUEST_RING(std::uint64_t{vcpu}), ring_stamps * sizeof(guest_stamp)));
  return create(shared, ring);
}

StampReader::StampReader(std::span<std::byte> shared, std::span<std::byte> ring)
    : shared_(reinterpret_cast<guest_shared*>(shared.data())),
      slots_(ring.data()),
      capacity_(ring.size() / sizeof(guest_stamp)),
      buffer_(kBatch) {}

std::uint64_t StampReader::load_head() const {
  return load(shared_->head, std::memory_order_acquire);
}

void StampReader::store_tail() {
  std::atomic_ref<std::uint64_t>(shared_->tail).store(next_, std::memory_order_release);
}

// False when the slot does not hold the whole stamp with this sequence number (yet, or any more).
bool StampReader::copy_slot(std::uint64_t sequence, guest_stamp& stamp) const {
  auto* const slot =
      reinterpret_cast<std::uint64_t*>(slots_ + (sequence & (capacity_ - 1)) * sizeof(guest_stamp));
  if (load(slot[kSeqWord], std::memory_order_acquire) != sequence + 1) return false;
  std::array<std::uint64_t, kWordsPerStamp> words{};
  for (std::size_t i = 0; i < kWordsPerStamp; ++i)
    words[i] = load(slot[i], std::memory_order_acquire);
  stamp = std::bit_cast<guest_stamp>(words);
  return stamp.seq == sequence + 1;
}

// Moves on to the oldest stamp that can still be in the ring. A head that went backwards makes no stamps.
void StampReader::forget_overwritten(std::uint64_t head, std::uint64_t& lost) {
  if (head < next_ || head - next_ <= capacity_) return;
  lost += head - next_ - capacity_;
  next_ = head - capacity_;
}

StampReader::Batch StampReader::read() {
  Batch batch;
  const std::uint64_t head = load_head();
  forget_overwritten(head, batch.lost);
  const std::uint64_t first = next_;
  std::size_t count = 0;
  while (count < buffer_.size() && first + count < head && copy_slot(first + count, buffer_[count]))
    ++count;

  // What the guest has reserved for newer stamps meanwhile may have been half overwritten while it was
  // copied.
  forget_overwritten(load_head(), batch.lost);
  const auto torn = static_cast<std::size_t>(std::min<std::uint64_t>(next_ - first, count));
  batch.stamps = std::span(buffer_).subspan(torn, count - torn);
  next_ = std::max(next_, first + count);
  store_tail();
  return batch;
}

StampReader::Batch StampReader::read_stopped() {
  Batch batch = read();
  // An empty batch before the head: the next slot was never finished. Go over such slots, one ring of them at
  // most.
  for (std::uint64_t skipped = 0; batch.stamps.empty() && next_ < load_head() && skipped < capacity_;
       ++skipped) {
    ++next_;
    const std::uint64_t lost = batch.lost + 1;
    batch = read();
    batch.lost += lost;
  }
  return batch;
}

void LastStamps::add(std::span<const guest_stamp> stamps) {
  if (stamps.size() > kKept) stamps = stamps.last(kKept);
  stamps_.insert(stamps_.end(), stamps.begin(), stamps.end());
  while (stamps_.size() > kKept)
    stamps_.pop_front();
}

}  // namespace trapline::vmm
