#include "tests/fuzz/packed_events.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tracer/recording/records.h"

namespace trapline::fuzz {
namespace {

using namespace recording;

// What an exit can be for: those that the timeline treats apart from one another.
constexpr auto kReasons = std::to_array<std::uint32_t>(
    {0x60, 0x64, 0x72, 0x78, 0x7b, 0x7c, 0x81, 0x400, 0x40, 0x4e, 0x61, 0x77, 0x7f, 0x401, 0xffff'ffff});

class Bytes {
 public:
  explicit Bytes(std::span<const std::byte> bytes) : bytes_(bytes) {}
  [[nodiscard]] bool empty() const { return bytes_.empty(); }

  template <typename Number>
  Number take() {
    Number number{};
    const std::size_t size = std::min(sizeof number, bytes_.size());
    std::memcpy(&number, bytes_.data(), size);
    bytes_ = bytes_.subspan(size);
    return number;
  }

  std::uint64_t take_time(std::uint64_t now) {
    const auto before = take<std::int16_t>();
    if (before == INT16_MIN) return take<std::uint64_t>();
    return now - static_cast<std::uint64_t>(std::int64_t{before});
  }
  std::uint64_t take_ticks(std::uint64_t now) { return take_time(now) * kPackedTicksPerNs; }

 private:
  std::span<const std::byte> bytes_;
};

// The packets of a stream: one, or more where losses come between.
struct Packets {
  std::vector<std::byte> events;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::uint64_t discarded = 0;
};

class Streams {
 public:
  template <typename Record>
  void add(const std::string& file, const Record& record) {
    Packets& packets = packets_[file];
    if (packets.events.empty()) packets.begin = record.head.timestamp_ns;
    packets.end = record.head.timestamp_ns;
    const auto bytes = std::as_bytes(std::span(&record, 1));
    packets.events.insert(packets.events.end(), bytes.begin(), bytes.end());
  }

  void lose(const std::string& file, std::uint64_t count) {
    flush(file);
    packets_[file].discarded += count;
  }

  Files take() {
    for (const auto& [file, packets] : packets_)
      flush(file);
    return std::move(files_);
  }

 private:
  void flush(const std::string& file) {
    Packets& packets = packets_[file];
    if (packets.events.empty()) return;
    files_.append_packet(file, packets.begin, packets.end, packets.discarded, packets.events);
    packets.events.clear();
  }

  std::map<std::string, Packets> packets_;
  Files files_;
};

struct Place {
  std::uint64_t now;
  std::uint16_t vcpu;
  std::string cpu;  // of the host
  std::string of_vcpu;

  [[nodiscard]] trl_record_head head(std::uint16_t id) const { return {now, id, vcpu, 4000u + vcpu}; }
};

void add_cycle(Streams& streams, const Place& place, std::uint16_t id, Bytes& bytes) {
  trl_exit_cycle cycle{};
  cycle.head = place.head(id);
  cycle.exit_ns = bytes.take_time(place.now);
  cycle.reason = kReasons[bytes.take<std::uint8_t>() % kReasons.size()];
  cycle.flags = static_cast<std::uint16_t>(bytes.take<std::uint8_t>() ^ TRL_ISA_SVM);
  if ((cycle.flags & TRL_TO_USER) != 0) {
    cycle.user_exit_ns = bytes.take_time(place.now);
    cycle.user_reason = bytes.take<std::uint8_t>();
  }
  cycle.event_inj = bytes.take<std::uint32_t>();
  cycle.exit_int_info = bytes.take<std::uint32_t>();
  cycle.info1 = bytes.take<std::uint32_t>();
  cycle.info2 = bytes.take<std::uint32_t>();
  cycle.rcx = bytes.take<std::uint16_t>();
  streams.add(id == TRL_EXIT_CYCLE ? "exits_cpu" + place.cpu : "kvm_cpu" + place.cpu, cycle);
}

void add_kvm_event(Streams& streams, const Place& place, Bytes& bytes) {
  constexpr std::uint8_t kIds = TRL_VCPU_ENDED - TRL_SET_IRQ + 1;
  trl_kvm_event event{};
  event.head = place.head(static_cast<std::uint16_t>(TRL_SET_IRQ + bytes.take<std::uint8_t>() % kIds));
  event.arg32 = bytes.take<std::uint16_t>();
  event.arg0 = bytes.take<std::uint32_t>();
  event.arg1 = bytes.take<std::uint64_t>();
  streams.add("kvm_cpu" + place.cpu, event);
}

void add_stamp(Streams& streams, const Place& place, Bytes& bytes) {
  GuestStampRecord stamp{};
  stamp.head = place.head(kGuestStamp);
  stamp.tsc = bytes.take_ticks(place.now);
  stamp.kind = bytes.take<std::uint8_t>();
  stamp.vector = bytes.take<std::uint16_t>();
  stamp.workload = bytes.take<std::uint8_t>();
  stamp.arg = bytes.take<std::uint16_t>();
  stamp.seq = bytes.take<std::uint16_t>();
  streams.add("stamps_vcpu" + place.of_vcpu, stamp);
}

void add_vmm_record(Streams& streams, const Place& place, PackedKind kind, Bytes& bytes) {
  if (kind == PackedKind::exit_handled) {
    ExitHandledRecord record{place.head(kExitHandled), bytes.take_ticks(place.now),
                             bytes.take_ticks(place.now)};
    return streams.add("vmm_vcpu" + place.of_vcpu, record);
  }
  if (kind == PackedKind::interrupt_raised) {
    InterruptRaisedRecord record{place.head(kInterruptRaised), bytes.take_ticks(place.now),
                                 bytes.take<std::uint8_t>(), 0, bytes.take<std::uint32_t>()};
    return streams.add("vmm_devices", record);
  }
  VmmStepRecord step{};
  step.head = place.head(kVmmStep);
  step.begin_tsc = bytes.take_ticks(place.now);
  step.end_tsc = bytes.take_ticks(place.now);
  step.step = bytes.take<std::uint8_t>();
  step.vector = bytes.take<std::uint16_t>();
  step.count_kind = bytes.take<std::uint8_t>();
  step.arg = bytes.take<std::uint32_t>();
  streams.add("steps_vcpu0", step);
}

void add_fact(Streams& streams, const Place& place, PackedKind kind, Bytes& bytes) {
  if (kind == PackedKind::clock_sample) {
    const ClockSampleRecord sample{place.head(kClockSample), bytes.take_ticks(place.now),
                                   bytes.take_time(place.now), bytes.take<std::uint8_t>()};
    return streams.add("session", sample);
  }
  const VcpuStartedRecord started{place.head(kVcpuStarted), bytes.take<std::int32_t>(), 0, 0, 0};
  streams.add("session", started);
}

void add_clock_sample(Streams& streams, std::uint64_t at) {
  const ClockSampleRecord sample{{at, kClockSample, TRL_NO_VCPU, 0}, at * kPackedTicksPerNs, at, 10};
  streams.add("session", sample);
}

void add_beginning(Streams& streams) {
  add_clock_sample(streams, kPackedBeginNs);
  for (std::uint16_t vcpu = 0; vcpu < 2; ++vcpu) {
    const VcpuStartedRecord started{{kPackedBeginNs, kVcpuStarted, vcpu, 4000u + vcpu}, 0, 0, 0, vcpu};
    streams.add("session", started);
  }
}

}  // namespace

Files unpack_events(std::span<const std::byte> packed) {
  Streams streams;
  Bytes bytes(packed);
  std::uint64_t now = kPackedBeginNs;
  add_beginning(streams);
  while (!bytes.empty()) {
    const auto kind = static_cast<PackedKind>(bytes.take<std::uint8_t>() % kPackedKinds);
    const auto where = bytes.take<std::uint8_t>();
    const std::uint64_t later = bytes.take<std::uint8_t>();
    now += later < 0x80 ? later * 8 : (later - 0x80) * 100'000;
    const auto vcpu = static_cast<std::uint16_t>(where >= 0xf0 ? TRL_NO_VCPU : where % 3);
    const Place place{now, vcpu, std::to_string(where & 1), std::to_string(where % 2)};
    switch (kind) {
      case PackedKind::exit_cycle:
        add_cycle(streams, place, TRL_EXIT_CYCLE, bytes);
        break;
      case PackedKind::cycle_open:
        add_cycle(streams, place, TRL_CYCLE_OPEN, bytes);
        break;
      case PackedKind::kvm_event:
        add_kvm_event(streams, place, bytes);
        break;
      case PackedKind::guest_stamp:
        add_stamp(streams, place, bytes);
        break;
      case PackedKind::exit_handled:
      case PackedKind::interrupt_raised:
      case PackedKind::vmm_step:
        add_vmm_record(streams, place, kind, bytes);
        break;
      case PackedKind::clock_sample:
      case PackedKind::vcpu_started:
        add_fact(streams, place, kind, bytes);
        break;
      case PackedKind::loss:
        streams.lose("exits_cpu" + place.cpu, bytes.take<std::uint8_t>());
        break;
    }
  }
  add_clock_sample(streams, now + 1);
  return streams.take();
}

}  // namespace trapline::fuzz
