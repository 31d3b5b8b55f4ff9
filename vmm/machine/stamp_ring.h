// Reads a vCPU's stamps out of guest memory while the guest writes them. See struct guest_stamp for the
// protocol; the guest may break it at will: every index is bounded here, and nothing that it writes can make
// a call long or wrong.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "base/result.h"
#include "vmm/guest/abi.h"
#include "vmm/machine/guest_memory.h"

namespace trapline::vmm {

class StampReader {
 public:
  // `shared` holds a struct guest_shared, `ring` a power of two of slots; both aligned to 8 and outliving the
  // reader.
  static Result<StampReader> create(std::span<std::byte> shared, std::span<std::byte> ring);
  // Those of a vCPU, with the ring size that it was booted with.
  static Result<StampReader> of_vcpu(const GuestMemory& memory, std::uint32_t vcpu,
                                     std::uint32_t ring_stamps);

  struct Batch {
    std::span<const guest_stamp> stamps;  // valid until the next call
    std::uint64_t lost = 0;               // overwritten before they could be read; they came before `stamps`
    [[nodiscard]] bool empty() const { return stamps.empty() && lost == 0; }
  };
  // The next stamps, at most kBatch, and tells the guest that they were read.
  Batch read();
  // As read(), for a vCPU that has stopped: a slot that was reserved and never finished counts as lost.
  Batch read_stopped();

  static constexpr std::size_t kBatch = 4096;

 private:
  StampReader(std::span<std::byte> shared, std::span<std::byte> ring);

  [[nodiscard]] std::uint64_t load_head() const;
  [[nodiscard]] bool copy_slot(std::uint64_t sequence, guest_stamp& stamp) const;
  void forget_overwritten(std::uint64_t first, std::uint64_t& lost);
  void store_tail();

  guest_shared* shared_;
  std::byte* slots_;
  std::uint64_t capacity_;
  std::uint64_t next_ = 0;  // the sequence number to read next
  std::vector<guest_stamp> buffer_;
};

// The newest stamps, kept for a crash report.
class LastStamps {
 public:
  static constexpr std::size_t kKept = 16;
  void add(std::span<const guest_stamp> stamps);
  [[nodiscard]] std::vector<guest_stamp> stamps() const { return {stamps_.begin(), stamps_.end()}; }

 private:
  std::deque<guest_stamp> stamps_;
};

}  // namespace trapline::vmm
