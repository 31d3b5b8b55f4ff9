#include "tests/support/packed_chunk.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace trapline::test {
namespace {

using viewer::OptionalTime;

class Bytes {
 public:
  explicit Bytes(std::string bytes) : bytes_(std::move(bytes)) {}

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = static_cast<std::uint8_t>(bytes_.at(at_++));
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }
  std::int64_t distance() { return plain(number()); }
  static std::int64_t plain(std::uint64_t zigzagged) {
    return static_cast<std::int64_t>(zigzagged >> 1) ^ -static_cast<std::int64_t>(zigzagged & 1);
  }
  std::vector<Bytes> columns(std::size_t count) {
    std::vector<Bytes> columns;
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint64_t length = number();
      columns.emplace_back(bytes_.substr(at_, length));
      at_ += length;
    }
    return columns;
  }
  [[nodiscard]] bool at_end() const { return at_ == bytes_.size(); }

 private:
  std::string bytes_;
  std::size_t at_ = 0;
};

class Pool {
 public:
  void add(const OptionalTime& at) {
    if (at) times_.push_back(*at);
  }
  void settle() {
    std::ranges::sort(times_);
    times_.erase(std::unique(times_.begin(), times_.end()), times_.end());
  }
  [[nodiscard]] std::int64_t read(std::int64_t previous, Bytes& column) const {
    const std::uint64_t value = column.number();
    const std::int64_t distance = Bytes::plain(value >> 1);
    if ((value & 1) != 0) return previous + distance;
    const auto near = std::ranges::lower_bound(times_, previous) - times_.begin();
    return times_.at(static_cast<std::size_t>(near + distance));
  }

 private:
  std::vector<std::int64_t> times_;
};

void read_exits(Bytes& in, std::uint64_t rows, UnpackedChunk& chunk, Pool& pool) {
  auto c = in.columns(7);
  std::int64_t previous = 0;
  for (std::uint64_t i = 0; i < rows; ++i) {
    viewer::PackedExit exit;
    exit.begin = previous + c[0].distance();
    exit.end = exit.begin + c[1].distance();
    exit.kind = static_cast<std::uint32_t>(c[2].number());
    const std::uint64_t flags = c[3].number();
    exit.open = (flags & 1) != 0;
    exit.halts = (flags & 2) != 0;
    if ((flags & 4) != 0) exit.user_exit = exit.begin + c[4].distance();
    if ((flags & 8) != 0) {
      exit.vmm_begin = exit.user_exit.value_or(exit.begin) + c[5].distance();
      exit.vmm_end = *exit.vmm_begin + c[6].distance();
    }
    for (const auto& at :
         {OptionalTime(exit.begin), exit.user_exit, exit.vmm_begin, exit.vmm_end, OptionalTime(exit.end)})
      pool.add(at);
    previous = exit.end;
    chunk.exits.push_back(exit);
  }
}

void read_isrs(Bytes& in, std::uint64_t rows, UnpackedChunk& chunk, Pool& pool) {
  auto c = in.columns(8);
  std::int64_t previous = 0;
  std::uint64_t story = 0;
  for (std::uint64_t i = 0; i < rows; ++i) {
    viewer::PackedIsr isr;
    isr.entry = previous + c[0].distance();
    isr.iret = isr.entry + c[1].distance();
    const std::uint64_t flags = c[2].number();
    isr.complete = (flags & 1) != 0;
    if ((flags & 2) != 0) isr.eoi = isr.entry + c[3].distance();
    isr.vector = static_cast<std::uint32_t>(c[4].number());
    isr.workload = static_cast<std::uint32_t>(c[5].number());
    isr.depth = static_cast<std::uint32_t>(c[6].number());
    isr.story = story += static_cast<std::uint64_t>(c[7].distance());
    for (const auto& at : {OptionalTime(isr.entry), isr.eoi, OptionalTime(isr.iret)})
      pool.add(at);
    previous = isr.entry;
    chunk.isrs.push_back(isr);
  }
}

void read_states(Bytes& in, std::uint64_t rows, UnpackedChunk& chunk, const Pool& pool) {
  auto c = in.columns(3);
  std::int64_t previous = c[0].distance();
  for (std::uint64_t i = 0; i < rows; ++i) {
    const std::int64_t end = pool.read(previous, c[2]);
    chunk.states.push_back({previous, end, c[1].number()});
    previous = end;
  }
}

void read_steps(Bytes& in, std::uint64_t rows, UnpackedChunk& chunk, const Pool& pool) {
  auto c = in.columns(3);
  std::int64_t previous = 0;
  for (std::uint64_t i = 0; i < rows; ++i) {
    viewer::PackedStep step;
    step.begin = pool.read(previous, c[0]);
    step.end = previous = pool.read(step.begin, c[1]);
    step.text = static_cast<std::uint32_t>(c[2].number());
    chunk.steps.push_back(step);
  }
}

void read_injections(Bytes& in, std::uint64_t rows, UnpackedChunk& chunk, const Pool& pool) {
  auto c = in.columns(5);
  std::int64_t previous = 0;
  std::uint64_t story = 0;
  for (std::uint64_t i = 0; i < rows; ++i) {
    viewer::PackedInjection injection;
    injection.at = previous = pool.read(previous, c[0]);
    injection.vector = static_cast<std::uint32_t>(c[1].number());
    const std::uint64_t flags = c[2].number();
    injection.exception = (flags & 1) != 0;
    injection.reinjected = (flags & 2) != 0;
    if ((flags & 4) != 0) injection.isr_entry = pool.read(injection.at, c[3]);
    injection.story = story += static_cast<std::uint64_t>(c[4].distance());
    chunk.injections.push_back(injection);
  }
}

void read_events(Bytes& in, std::uint64_t rows, UnpackedChunk& chunk, const Pool& pool) {
  auto c = in.columns(11);
  std::int64_t previous = 0;
  std::uint64_t iteration = 0;
  for (std::uint64_t i = 0; i < rows; ++i) {
    viewer::PackedEvent event;
    event.workload = static_cast<std::uint32_t>(c[0].number());
    event.iteration = iteration += static_cast<std::uint64_t>(c[1].distance());
    const std::uint64_t flags = c[2].number();
    event.u0 = previous = pool.read(previous, c[3]);
    if ((flags & 1) != 0) event.k1 = previous = pool.read(previous, c[4]);
    if ((flags & 2) != 0) event.k2 = previous = pool.read(previous, c[5]);
    event.u3 = previous = pool.read(previous, c[6]);
    if ((flags & 4) != 0) event.handler_vcpu = static_cast<std::uint16_t>(c[7].number());
    event.user_exits = static_cast<std::uint32_t>(c[8].number());
    event.kernel_exits = static_cast<std::uint32_t>(c[9].number());
    event.async_exits = static_cast<std::uint32_t>(c[10].number());
    chunk.events.push_back(event);
  }
}

void read_stories(Bytes& in, std::uint64_t rows, UnpackedChunk& chunk, const Pool& pool,
                  const std::vector<unsigned>& link_masks) {
  auto c = in.columns(6);
  std::int64_t previous = 0;
  std::uint64_t id = 0;
  for (std::uint64_t i = 0; i < rows; ++i) {
    viewer::PackedStory story;
    story.id = id += static_cast<std::uint64_t>(c[0].distance());
    story.shape = static_cast<std::uint32_t>(c[1].number());
    std::int64_t latest = previous;
    for (std::size_t link = 0; link < tracer::kLinks; ++link) {
      if ((link_masks.at(story.shape) >> link & 1) != 0) story.links[link] = latest = pool.read(latest, c[2]);
    }
    story.coalesced = static_cast<std::uint32_t>(c[3].number());
    story.reinjections = static_cast<std::uint32_t>(c[4].number());
    story.entries_masked = static_cast<std::uint32_t>(c[5].number());
    previous = story.begin();
    chunk.stories.push_back(story);
  }
}

}  // namespace

std::vector<unsigned> link_masks(const nlohmann::json& dictionaries) {
  std::vector<unsigned> masks;
  for (const auto& shape : dictionaries["shapes"]) {
    unsigned mask = 0;
    for (std::size_t link = 0; link < tracer::kLinks; ++link)
      mask |= static_cast<unsigned>(shape["by"][link] != 0) << link;
    masks.push_back(mask);
  }
  return masks;
}

UnpackedChunk unpack_hot(const std::string& bytes, const std::vector<unsigned>& link_masks) {
  Bytes in(bytes);
  UnpackedChunk chunk;
  chunk.vcpu = in.number();
  std::array<std::uint64_t, 7> rows{};
  for (auto& count : rows)
    count = in.number();
  Pool pool;
  read_exits(in, rows[0], chunk, pool);
  read_isrs(in, rows[1], chunk, pool);
  pool.settle();
  read_states(in, rows[2], chunk, pool);
  read_steps(in, rows[3], chunk, pool);
  read_injections(in, rows[4], chunk, pool);
  read_events(in, rows[5], chunk, pool);
  read_stories(in, rows[6], chunk, pool, link_masks);
  if (!in.at_end()) throw std::runtime_error("bytes are left over");
  return chunk;
}

std::vector<trl_exit_cycle> unpack_cold(const std::string& bytes, const std::vector<std::uint32_t>& kinds) {
  Bytes in(bytes);
  auto c = in.columns(8);
  std::vector<std::size_t> order(kinds.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t row) { return kinds[row]; });
  std::vector<trl_exit_cycle> raw(kinds.size());
  trl_exit_cycle sum{};
  const auto add = [](auto& to, Bytes& column) {
    to = static_cast<std::remove_reference_t<decltype(to)>>(to +
                                                            static_cast<std::uint64_t>(column.distance()));
  };
  for (const std::size_t row : order) {
    sum.flags = static_cast<std::uint16_t>(c[0].number());
    add(sum.rip, c[1]);
    add(sum.info1, c[2]);
    add(sum.info2, c[3]);
    add(sum.reason, c[4]);
    add(sum.event_inj, c[5]);
    add(sum.exit_int_info, c[6]);
    sum.user_reason = static_cast<std::uint16_t>(c[7].number());
    raw[row] = sum;
  }
  return raw;
}

}  // namespace trapline::test
