// A ring between one producing thread and one consuming thread: no locks, no system calls, no allocation
// after it was made. What finds no room is counted.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

namespace trapline::vmm {

template <typename T>
class SpscRing {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  // Room for at least `capacity` elements. All of it is touched here: no page fault on the producer's path.
  explicit SpscRing(std::size_t capacity) : slots_(std::bit_ceil(capacity)) {}

  // Producer.
  void push(const T& element) noexcept {
    const std::uint64_t head = head_.load(std::memory_order_relaxed);
    // The consumer's index is read only when the last one known leaves no room: its cache line stays with it.
    if (head - known_tail_ == slots_.size()) {
      known_tail_ = tail_.load(std::memory_order_acquire);
      if (head - known_tail_ == slots_.size()) {
        lost_.store(lost_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        return;
      }
    }
    slots_[head & (slots_.size() - 1)] = element;
    head_.store(head + 1, std::memory_order_release);
  }

  // Consumer: moves up to target.size() elements, oldest first, and returns those.
  std::span<const T> pop(std::span<T> target) noexcept {
    const std::uint64_t tail = tail_.load(std::memory_order_relaxed);
    const std::uint64_t ready = head_.load(std::memory_order_acquire) - tail;
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(ready, target.size()));
    for (std::size_t i = 0; i < count; ++i)
      target[i] = slots_[(tail + i) & (slots_.size() - 1)];
    tail_.store(tail + count, std::memory_order_release);
    return target.first(count);
  }

  // Consumer: elements lost since the last call.
  std::uint64_t take_lost() noexcept {
    const std::uint64_t lost = lost_.load(std::memory_order_relaxed);
    const std::uint64_t since = lost - lost_told_;
    lost_told_ = lost;
    return since;
  }

 private:
  static constexpr std::size_t kCacheLine = 64;

  alignas(kCacheLine) std::atomic<std::uint64_t> head_{0};  // producer's line
  std::uint64_t known_tail_ = 0;
  std::atomic<std::uint64_t> lost_{0};
  std::vector<T> slots_;
  alignas(kCacheLine) std::atomic<std::uint64_t> tail_{0};  // consumer's line
  std::uint64_t lost_told_ = 0;
};

}  // namespace trapline::vmm
