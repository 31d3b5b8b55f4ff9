// Small records of one CPU between two drains, put in the order of their time stamps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/time.h"
#include "bpf/record.h"

namespace trapline::tracer {

// Interrupts nest: a record may be reserved before and stamped after its neighbour. Both are always drained
// in the same batch (bpf/probes.bpf.c, emit), so sorting a batch makes the whole stream monotonic. A stamp
// that is older than the last batch nevertheless is lifted to that batch's end and counted: a reader insists
// on order.
class EventBatch {
 public:
  // A struct trl_kvm_event or trl_exit_cycle as the ring holds it.
  void add(std::span<const std::byte> record);

  [[nodiscard]] bool empty() const { return places_.empty(); }
  [[nodiscard]] std::size_t size() const { return places_.size(); }

  // The sorted records' bytes, valid until the next call of anything; `first` and `last` are their outer
  // stamps.
  struct Sorted {
    std::span<const std::byte> bytes;
    HostNs first;
    HostNs last;
  };
  [[nodiscard]] Sorted sorted();
  void clear();

  [[nodiscard]] std::uint64_t lifted() const { return lifted_; }

 private:
  struct Place {
    std::uint64_t timestamp_ns;
    std::uint32_t offset;
    std::uint32_t size;
  };
  std::vector<Place> places_;
  std::vector<std::byte> bytes_;
  std::vector<std::byte> in_order_;
  std::uint64_t written_until_ = 0;
  std::uint64_t lifted_ = 0;
};

}  // namespace trapline::tracer
